// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "CaseFiles.h"

#include "lib/Npy.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace headgate::reference {

namespace fs = std::filesystem;

namespace {
/// `prefix`: "in" or "out".
std::string fileOf(std::string directory, const std::string &prefix,
                   const std::string &name) {
  return directory.append("/").append(prefix).append(".").append(name).append(
      ".npy");
}
} // namespace

Result<Case> readCase(const std::string &directory) {
  std::string path = directory + "/case.json";
  std::error_code failure;
  if (!fs::is_directory(directory, failure))
    return Error(ErrorCode::notFound, directory + ": no such directory");
  std::ifstream file(path, std::ios::binary);
  if (!file || !fs::is_regular_file(path, failure))
    return Error(ErrorCode::notFound, path + ": no such file");
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  Result<Case> c = parseCase(text);
  if (!c)
    return std::move(c).error().in(path);
  return c;
}

Result<Inputs> readInputs(const Case &c, const std::string &directory) {
  Inputs inputs;
  for (const InputSpec &spec : inputsOf(c)) {
    std::string path = fileOf(directory, "in", spec.name);
    if (spec.optional && !c.tensors.contains(spec.name) && !fs::exists(path))
      continue;
    Result<Array> array = readNpy(path);
    if (!array)
      return std::move(array).error();
    if (Status added = inputs.add(spec, *array); !added)
      return std::move(added).error().in(path);
  }
  return inputs;
}

NamedArrays arraysOf(const Results &results) {
  NamedArrays arrays;
  for (const auto &[name, tensor] : results.numbers)
    arrays[name] =
        Array::of(tensor.shape, std::span<const double>(tensor.elements));
  for (const auto &[name, tensor] : results.integers)
    arrays[name] =
        Array::of(tensor.shape, std::span<const int32_t>(tensor.elements));
  return arrays;
}

Result<NamedArrays> expectedOf(const Case &c, NamedArrays arrays) {
  if (!c.expectsAny())
    return arrays;
  for (const auto &[name, listed] : c.tensors)
    if (!listed.input && !arrays.contains(name))
      return Error(ErrorCode::badInput,
                   "case.json expects a tensor '" + name +
                       "', which this layer does not give" +
                       (name == "y" ? " without an input 'w_o'" : ""));
  std::erase_if(arrays,
                [&](const auto &entry) { return !c.expects(entry.first); });
  return arrays;
}

Status writeArrays(const std::string &prefix, const NamedArrays &arrays,
                   const std::string &directory) {
  std::error_code failure;
  fs::create_directories(directory, failure);
  if (failure)
    return Error(ErrorCode::failed,
                 directory + ": cannot make it: " + failure.message());
  for (const auto &[name, array] : arrays) {
    Result<Array> stored =
        isFloat(array.dtype) ? convert(array, DType::f32) : array;
    if (!stored)
      return std::move(stored).error();
    std::string path = fileOf(directory, prefix, name);
    if (Status written = writeNpy(path, *stored); !written)
      return written;
  }
  return Success();
}

Status writeText(const std::string &path, const std::string &text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file)
    return Error(ErrorCode::failed, path + ": cannot write it");
  return Success();
}

Result<std::vector<Check>> checkArrays(const Case &c, const NamedArrays &arrays,
                                       const std::string &directory) {
  std::vector<Check> checks;
  for (const auto &[name, array] : arrays) {
    Result<Array> expected = readNpy(fileOf(directory, "out", name));
    if (!expected)
      return std::move(expected).error();
    Check check = {.name = name};
    if (isFloat(array.dtype)) {
      auto listed = c.tensors.find(name);
      if (listed == c.tensors.end() ||
          !listed->second.tolerance.contains("f64"))
        return Error(ErrorCode::badInput,
                     "case.json has no f64 tolerance for '" + name + "'");
      check.tolerance = listed->second.tolerance.at("f64");
    }
    check.comparison = compare(array, *expected, check.tolerance);
    checks.push_back(std::move(check));
  }
  return checks;
}

} // namespace headgate::reference
