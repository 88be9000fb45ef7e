/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * The C API from C99, linked against the shared library as a user would be.
 * Usage: c-api-test HANDMADE.hgb */

#include "headgate/headgate.h"

#include <stdio.h>
#include <string.h>

/* A user's own DLPack structures, after the header that only declares them. */
struct Device {
  int32_t type, id;
};
struct DataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLManagedTensor {
  struct {
    void *data;
    struct Device device;
    int32_t ndim;
    struct DataType dtype;
    int64_t *shape, *strides;
    uint64_t byte_offset;
  } dl_tensor;
  void *manager_ctx;
  void (*deleter)(struct DLManagedTensor *);
};

static int failures = 0;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      printf("%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);           \
      ++failures;                                                              \
    }                                                                          \
  } while (0)

/* That `error` is one, has this code and says this; frees it. */
static void expectError(HgError *error, int code, const char *part, int line) {
  if (hgErrorCode(error) != code || !strstr(hgErrorMessage(error), part)) {
    printf("line %d: code %d: %s\n", line, hgErrorCode(error),
           hgErrorMessage(error));
    ++failures;
  }
  hgErrorFree(error);
}
#define EXPECT_ERROR(call, code, part) expectError(call, code, part, __LINE__)

static void expectSuccess(HgError *error, int line) {
  if (error) {
    printf("line %d: %s\n", line, hgErrorMessage(error));
    ++failures;
  }
  hgErrorFree(error);
}
#define EXPECT_SUCCESS(call) expectSuccess(call, __LINE__)

static struct DLManagedTensor tensor(float *data, int64_t *shape) {
  struct DLManagedTensor result;
  memset(&result, 0, sizeof result);
  result.dl_tensor.data = data;
  result.dl_tensor.device.type = 1;
  result.dl_tensor.ndim = 2;
  result.dl_tensor.dtype.code = 2;
  result.dl_tensor.dtype.bits = 32;
  result.dl_tensor.dtype.lanes = 1;
  result.dl_tensor.shape = shape;
  return result;
}

static void testNullArguments(void) {
  HgDevice *device = (HgDevice *)&failures;
  HgSession *session = NULL;
  CHECK(hgErrorCode(NULL) == HG_OK);
  CHECK(strcmp(hgErrorMessage(NULL), "") == 0);
  hgErrorFree(NULL);
  hgDeviceFree(NULL);
  hgBundleFree(NULL);
  hgSessionFree(NULL);
  hgInvocationFree(NULL);
  EXPECT_ERROR(hgDeviceOpen(NULL, &device), HG_BAD_INPUT, "uri is NULL");
  CHECK(device == NULL);
  EXPECT_ERROR(hgDeviceOpen("host", NULL), HG_BAD_INPUT, "device is NULL");
  EXPECT_ERROR(hgSessionCreate(NULL, NULL, NULL, &session), HG_BAD_INPUT,
               "device is NULL");
  EXPECT_ERROR(hgRun(NULL, NULL, 0, NULL, 0, NULL), HG_BAD_INPUT,
               "invocation is NULL");
  EXPECT_ERROR(hgReserve(NULL, NULL, 0, NULL), HG_BAD_INPUT,
               "invocation is NULL");
  CHECK(hgInputCount(NULL) == 0 && hgOutputName(NULL, 0) == NULL);
}

static void testErrors(const char *path) {
  HgDevice *device = (HgDevice *)&failures;
  HgBundle *bundle = (HgBundle *)&failures;
  EXPECT_ERROR(hgDeviceOpen("cuda:9999", &device), HG_UNAVAILABLE, "cuda:9999");
  CHECK(device == NULL);
  EXPECT_ERROR(hgDeviceOpen("hots", &device), HG_BAD_INPUT, "'hots'");
  EXPECT_ERROR(hgBundleOpen("/nowhere.hgb", &bundle), HG_NOT_FOUND,
               "/nowhere.hgb");
  CHECK(bundle == NULL);

  HgSession *session = NULL;
  HgInvocation *invocation = NULL;
  EXPECT_SUCCESS(hgDeviceOpen("host", &device));
  EXPECT_SUCCESS(hgBundleOpen(path, &bundle));
  EXPECT_ERROR(hgSessionCreate(device, NULL, NULL, &session), HG_BAD_INPUT,
               "bundle is NULL");
  EXPECT_SUCCESS(hgSessionCreate(device, bundle, "none", &session));
  EXPECT_ERROR(hgInvocationCreate(session, "absent", &invocation), HG_NOT_FOUND,
               "no entry 'absent'");
  CHECK(invocation == NULL);
  EXPECT_ERROR(hgInvocationCreate(session, NULL, &invocation), HG_BAD_INPUT,
               "name one");
  hgSessionFree(session);
  hgBundleFree(bundle);
  hgDeviceFree(device);
}

static void testRun(const char *path) {
  HgDevice *device = NULL;
  HgBundle *bundle = NULL;
  HgSession *session = NULL;
  HgInvocation *call = NULL;
  EXPECT_SUCCESS(hgDeviceOpen("host:threads=2", &device));
  EXPECT_SUCCESS(hgBundleOpen(path, &bundle));
  EXPECT_SUCCESS(hgSessionCreate(device, bundle, NULL, &session));
  EXPECT_SUCCESS(hgInvocationCreate(session, "main", &call));
  if (!call)
    return;
  /* What a handle was made from may go first, in any order. */
  hgDeviceFree(device);
  hgSessionFree(session);
  hgBundleFree(bundle);

  CHECK(hgInputCount(call) == 1 && hgOutputCount(call) == 1);
  CHECK(strcmp(hgInputName(call, 0), "x") == 0);
  CHECK(strcmp(hgOutputName(call, 0), "y") == 0);
  CHECK(hgInputName(call, 1) == NULL && hgOutputName(call, 1) == NULL);
  const int64_t dims[] = {4, 3};
  EXPECT_SUCCESS(hgReserve(call, dims, 2, NULL));
  EXPECT_ERROR(hgReserve(call, dims, 1, NULL), HG_BAD_INPUT, "has 2 dims");

  float x[6] = {1, 2, 3, -1, 0, 5}, y[6];
  const float expected[6] = {8, 10, 12, 2, 4, 14};
  int64_t shape[2] = {2, 3}, other[2] = {2, 2};
  struct DLManagedTensor in = tensor(x, shape), out = tensor(y, shape);
  struct DLManagedTensor wrong = tensor(y, other);
  struct DLManagedTensor *ins[] = {&in}, *outs[] = {&out}, *bad[] = {&wrong},
                         *none[] = {NULL};
  EXPECT_SUCCESS(hgRun(call, ins, 1, outs, 1, NULL));
  CHECK(memcmp(y, expected, sizeof y) == 0);
  EXPECT_ERROR(hgRun(call, ins, 1, bad, 1, NULL), HG_BAD_INPUT,
               "N is 3 from 'x' but 2 from 'y'");
  EXPECT_ERROR(hgRun(call, none, 1, outs, 1, NULL), HG_BAD_INPUT,
               "input 'x': it is NULL");
  EXPECT_ERROR(hgRun(call, NULL, 1, outs, 1, NULL), HG_BAD_INPUT,
               "input 'x': it is NULL");
  EXPECT_ERROR(hgRun(call, NULL, 0, outs, 1, NULL), HG_BAD_INPUT,
               "has 1 input (x), but 0 were given");
  in.dl_tensor.dtype.code = 5;
  EXPECT_ERROR(hgRun(call, ins, 1, outs, 1, NULL), HG_BAD_INPUT,
               "input 'x': element type complex32");
  in.dl_tensor.dtype.code = 2;

  struct DLManagedTensor *made[1] = {&wrong};
  EXPECT_ERROR(hgRunAllocating(call, none, 1, made, 1, NULL), HG_BAD_INPUT,
               "'x'");
  CHECK(made[0] == NULL);
  EXPECT_ERROR(hgRunAllocating(call, ins, 1, made, 0, NULL), HG_BAD_INPUT,
               "there is room for 0 of the outputs");
  EXPECT_SUCCESS(hgRunAllocating(call, ins, 1, made, 1, NULL));
  hgInvocationFree(call); /* The output owns itself. */
  if (made[0]) {
    CHECK(made[0]->dl_tensor.ndim == 2);
    CHECK(made[0]->dl_tensor.shape[1] == 3);
    CHECK(memcmp(made[0]->dl_tensor.data, expected, sizeof expected) == 0);
    made[0]->deleter(made[0]);
  }
}

/* There and back, on devices whose memory is the host's and is not. */
static void testCopies(const char *uri) {
  HgDevice *device = NULL;
  EXPECT_SUCCESS(hgDeviceOpen(uri, &device));
  float x[6] = {1, 2, 3, -1, 0, 5};
  int64_t shape[2] = {2, 3}, strides[2] = {1, 2}, none[2] = {2, 0};
  struct DLManagedTensor in = tensor(x, shape), *there = NULL, *back = &in;
  EXPECT_ERROR(hgUpload(NULL, &in, &there), HG_BAD_INPUT, "device is NULL");
  EXPECT_ERROR(hgUpload(device, NULL, &there), HG_BAD_INPUT, "tensor is NULL");
  EXPECT_ERROR(hgDownload(device, &in, NULL), HG_BAD_INPUT, "copy is NULL");
  EXPECT_ERROR(hgDownload(device, NULL, &back), HG_BAD_INPUT, "hgDownload: ");
  CHECK(back == NULL);
  in.dl_tensor.strides = strides;
  EXPECT_ERROR(hgUpload(device, &in, &there), HG_BAD_INPUT, "not contiguous");
  in.dl_tensor.strides = NULL;
  in.dl_tensor.device.type = 2;
  EXPECT_ERROR(hgUpload(device, &in, &there), HG_BAD_INPUT,
               "hgUpload: the tensor is not in host memory");
  in.dl_tensor.device.type = 1;
  EXPECT_SUCCESS(hgUpload(device, &in, &there));
  x[0] = 7; /* of the original only */
  if (there) {
    int isHost = strncmp(uri, "host", 4) == 0;
    CHECK(there->dl_tensor.device.type == (isHost ? 1 : 2));
    EXPECT_SUCCESS(hgDownload(device, there, &back));
    there->deleter(there);
  }
  if (back) {
    const float expected[6] = {1, 2, 3, -1, 0, 5};
    CHECK(back->dl_tensor.device.type == 1 && back->dl_tensor.ndim == 2);
    CHECK(back->dl_tensor.shape[0] == 2 && back->dl_tensor.shape[1] == 3);
    CHECK(memcmp(back->dl_tensor.data, expected, sizeof expected) == 0);
    if (strncmp(uri, "host", 4) != 0)
      EXPECT_ERROR(hgDownload(device, back, &there), HG_BAD_INPUT,
                   "is not in memory of 'sim:sm_80'");
    back->deleter(back);
  }
  in.dl_tensor.shape = none;
  EXPECT_SUCCESS(hgUpload(device, &in, &there));
  if (there)
    there->deleter(there);
  hgDeviceFree(device);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    printf("usage: %s HANDMADE.hgb\n", argv[0]);
    return 2;
  }
  CHECK(strlen(hgVersion()) >= 5);
  testNullArguments();
  testErrors(argv[1]);
  testRun(argv[1]);
  testCopies("host");
  testCopies("sim:sm_80");
  if (failures == 0)
    printf("all passed\n");
  return failures != 0;
}
