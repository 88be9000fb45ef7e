// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/ReadArrays.h"

#include "lib/ArrayText.h"
#include "lib/Npy.h"
#include "runtime/HostMachine.h"
#include "tools/MatchTensors.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace headgate {

namespace {
/// Refuses numbers for more elements than this machine has memory for: a typing
/// mistake should not end in the kernel's out-of-memory killer.
Status checkMemory(DType dtype, const std::vector<int64_t> &shape) {
  int64_t bytes = byteWidth(dtype), limit = runtime::usableMemoryBytes();
  for (int64_t extent : shape)
    if (extent == 0)
      return Success();
  for (int64_t extent : shape)
    if (__builtin_mul_overflow(bytes, extent, &bytes) ||
        (limit > 0 && bytes > limit))
      return Error(ErrorCode::badInput,
                   formatType(dtype, shape) +
                       " is too large for this machine's memory");
  return Success();
}

Result<Array> readRaw(const InputValue &value) {
  std::error_code failure;
  auto status = std::filesystem::status(value.file, failure);
  if (std::filesystem::exists(status) &&
      !std::filesystem::is_regular_file(status))
    return Error(ErrorCode::badInput, value.file + ": not a regular file");
  std::ifstream file(value.file, std::ios::binary | std::ios::ate);
  if (!file)
    return Error(ErrorCode::notFound,
                 "cannot open " + value.file + ": " + std::strerror(errno));
  Array array = Array::zeros(*value.dtype, *value.shape);
  int64_t needed = static_cast<int64_t>(array.bytes.size());
  if (file.tellg() != needed)
    return Error(ErrorCode::badInput,
                 formatType(array.dtype, array.shape) + " takes " +
                     std::to_string(needed) + " bytes, but " + value.file +
                     " has " + std::to_string(file.tellg()) + " bytes");
  file.seekg(0);
  if (!file.read(reinterpret_cast<char *>(array.bytes.data()), needed))
    return Error(ErrorCode::failed, "cannot read " + value.file);
  return array;
}

/// The shape without its extents of 1: what a shape on the command line and a
/// file's own must have in common.
std::vector<int64_t> squeezed(const std::vector<int64_t> &shape) {
  std::vector<int64_t> result;
  for (int64_t extent : shape)
    if (extent != 1)
      result.push_back(extent);
  return result;
}

Result<Array> readFile(const InputValue &value) {
  Result<Array> array = readNpy(value.file, value.dtype);
  if (!array || !value.shape || array->shape == *value.shape)
    return array;
  if (squeezed(array->shape) != squeezed(*value.shape))
    return Error(ErrorCode::badInput,
                 value.file + " holds " +
                     formatType(array->dtype, array->shape) + ", not " +
                     formatType(*value.dtype, *value.shape));
  array->shape = *value.shape;
  return array;
}
} // namespace

Result<Array> readArray(const InputValue &value) {
  if (value.shape && value.source != InputValue::Source::npy)
    if (Status fits = checkMemory(*value.dtype, *value.shape); !fits)
      return std::move(fits).error();
  switch (value.source) {
  case InputValue::Source::raw:
    return readRaw(value);
  case InputValue::Source::numbers:
    return parseElements(value.numbers, *value.dtype, *value.shape);
  case InputValue::Source::normal:
    return drawNormal(value.seed, *value.dtype, *value.shape);
  case InputValue::Source::npy:
    break;
  }
  Result<Array> array = readFile(value);
  return array && value.dtype ? convert(*array, *value.dtype) : array;
}

/// What to say if a file of 2-byte words is meant as bf16; "" if that does not
/// explain the failure.
static std::string suggestWords(const InputValue &value,
                                const PlanTensor &tensor) {
  bool plain = value.source == InputValue::Source::npy && !value.dtype;
  if (!plain || !isFloat(tensor.dtype))
    return "";
  Result<Array> words = readNpy(value.file, DType::bf16);
  if (!words || words->dtype != DType::bf16)
    return "";
  return "; say --input=" + tensor.name + "=bf16=@" + value.file +
         " to take its 2-byte words as bf16";
}

Result<std::vector<std::optional<Array>>>
readGivenInputs(const PlanEntry &entry, std::span<const InputValue> values) {
  std::vector<std::string> names;
  for (const InputValue &value : values)
    names.push_back(value.name);
  Result<std::vector<size_t>> matches =
      matchTensors("input", entry, entry.inputs, names);
  if (!matches)
    return std::move(matches).error();

  std::vector<std::optional<Array>> arrays(entry.inputs.size());
  for (size_t i = 0; i < values.size(); ++i) {
    const PlanTensor &tensor = entry.inputs[(*matches)[i]];
    Result<Array> array = readArray(values[i]);
    if (array)
      array = convert(*array, tensor.dtype);
    if (!array)
      return Error(array.error().code(), "input '" + tensor.name +
                                             "': " + array.error().message() +
                                             suggestWords(values[i], tensor));
    arrays[(*matches)[i]] = std::move(*array);
  }
  return arrays;
}

Result<std::vector<Array>> readInputs(const PlanEntry &entry,
                                      std::span<const InputValue> values) {
  Result<std::vector<std::optional<Array>>> given =
      readGivenInputs(entry, values);
  if (!given)
    return std::move(given).error();
  std::vector<Array> arrays;
  for (size_t i = 0; i < given->size(); ++i) {
    if (!(*given)[i])
      return Error(ErrorCode::badInput,
                   "input '" + entry.inputs[i].name + "' is missing");
    arrays.push_back(std::move(*(*given)[i]));
  }
  return arrays;
}

} // namespace headgate
