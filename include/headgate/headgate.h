/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
 *
 * Running a bundle from C, or from anything that can call C.
 *
 *   HgDevice *device;  hgDeviceOpen("host", &device);
 *   HgBundle *bundle;  hgBundleOpen("gqe.hgb", &bundle);
 *   HgSession *session;  hgSessionCreate(device, bundle, NULL, &session);
 *   HgInvocation *call;  hgInvocationCreate(session, NULL, &call);
 *   HgError *error = hgRun(call, inputs, 5, outputs, 1, NULL);
 *   if (error) { puts(hgErrorMessage(error)); hgErrorFree(error); }
 *
 * A function that can fail returns NULL on success, else an error that the
 * caller frees. On failure it leaves what its last pointer argument points to
 * set to NULL. Tensors are DLPack's; its header is not needed here and may come
 * before or after this one. Handles are counted inside: free them in any order,
 * also while others made from them live. Devices, bundles and sessions may be
 * used by several threads at once, an invocation by one at a time. */

#ifndef HEADGATE_HEADGATE_H
#define HEADGATE_HEADGATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct DLManagedTensor;

typedef struct HgError HgError;
typedef struct HgDevice HgDevice;
typedef struct HgBundle HgBundle;
typedef struct HgSession HgSession;
typedef struct HgInvocation HgInvocation;

/* What can be done about an error. */
typedef enum HgErrorCode {
  HG_OK = 0,
  HG_BAD_INPUT = 1,   /* the caller's data or arguments are wrong */
  HG_NOT_FOUND = 2,   /* a file, entry, kernel or symbol does not exist */
  HG_CORRUPT = 3,     /* a file is damaged or not what it says it is */
  HG_UNSUPPORTED = 4, /* understood, but not in this build or version */
  HG_UNAVAILABLE = 5, /* the device is not on this machine */
  HG_OUT_OF_MEMORY = 6,
  HG_DEVICE_LOST = 7, /* unusable until the process ends */
  HG_TIMEOUT = 8,
  HG_CHECK_FAILED = 9, /* a check that was asked for found something */
  HG_FAILED = 10       /* any other failure of the system below */
} HgErrorCode;

/* An HgErrorCode; HG_OK for NULL. */
int hgErrorCode(const HgError *error);
/* One sentence, "" for NULL; lives as long as the error. */
const char *hgErrorMessage(const HgError *error);
void hgErrorFree(HgError *error);

/* "0.1.0" */
const char *hgVersion(void);

/* "host", "host:threads=8", "cuda", "cuda:1", "sim:sm_80"; on CUDA pointers and
   streams are those of the primary context, as PyTorch's are. */
HgError *hgDeviceOpen(const char *uri, HgDevice **device);
/* A bundle is a directory that headgate-compile wrote. */
HgError *hgBundleOpen(const char *path, HgBundle **bundle);
/* Loads the bundle's code. tuned: the path of a tuned.json, NULL for the one in
   the bundle, "none" for none. */
HgError *hgSessionCreate(HgDevice *device, HgBundle *bundle, const char *tuned,
                         HgSession **session);
/* entry: a name, or NULL if the bundle has only one. */
HgError *hgInvocationCreate(HgSession *session, const char *entry,
                            HgInvocation **invocation);

/* How many tensors the entry takes and gives, and their names in order; NULL
   beyond the last. A name lives as long as the invocation. */
size_t hgInputCount(const HgInvocation *invocation);
size_t hgOutputCount(const HgInvocation *invocation);
const char *hgInputName(const HgInvocation *invocation, size_t index);
const char *hgOutputName(const HgInvocation *invocation, size_t index);

/* Makes room for calls up to these dims, in the entry's order, so that they
   allocate nothing later. stream: a CUstream, NULL on the host. */
HgError *hgReserve(HgInvocation *invocation, const int64_t *dims, size_t count,
                   void *stream);
/* Borrows all tensors, writes the outputs. On CUDA it only enqueues. */
HgError *hgRun(HgInvocation *invocation, struct DLManagedTensor *const *inputs,
               size_t inputCount, struct DLManagedTensor *const *outputs,
               size_t outputCount, void *stream);
/* Borrows the inputs and fills outputs with new tensors, each of which the
   caller ends by its deleter. On failure all are NULL. */
HgError *hgRunAllocating(HgInvocation *invocation,
                         struct DLManagedTensor *const *inputs,
                         size_t inputCount, struct DLManagedTensor **outputs,
                         size_t outputCount, void *stream);

/* A copy of a contiguous tensor in memory of the device (of the host), which
   the caller ends by its deleter. Waits until it is made, and before that for
   what was enqueued on the default stream. */
HgError *hgUpload(HgDevice *device, const struct DLManagedTensor *tensor,
                  struct DLManagedTensor **copy);
HgError *hgDownload(HgDevice *device, const struct DLManagedTensor *tensor,
                    struct DLManagedTensor **copy);

/* NULL is allowed. */
void hgDeviceFree(HgDevice *device);
void hgBundleFree(HgBundle *bundle);
void hgSessionFree(HgSession *session);
void hgInvocationFree(HgInvocation *invocation);

#ifdef __cplusplus
}
#endif

#endif /* HEADGATE_HEADGATE_H */
