// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "runtime/HostImage.h"

#include <dlfcn.h>

#include <map>
#include <mutex>
#include <utility>

namespace headgate::runtime {

namespace {

struct HostFunction : Function {
  explicit HostFunction(HgHostKernel kernel) : kernel(kernel) {}
  HgHostKernel kernel;
};

class HostImage : public Image {
public:
  HostImage(std::shared_ptr<Device> device, std::string name, void *handle)
      : device_(std::move(device)), name_(std::move(name)), handle_(handle) {}
  ~HostImage() override { dlclose(handle_); }
  HostImage(const HostImage &) = delete;
  HostImage &operator=(const HostImage &) = delete;

  Result<const Function *> function(const std::string &symbol) override {
    std::lock_guard lock(mutex_);
    auto known = functions_.find(symbol);
    if (known == functions_.end()) {
      void *address = dlsym(handle_, symbol.c_str());
      if (!address)
        return Error(ErrorCode::notFound,
                     name_ + " has no kernel '" + symbol + "'");
      auto kernel = reinterpret_cast<HgHostKernel>(address);
      known = functions_.emplace(symbol, HostFunction(kernel)).first;
    }
    return &known->second;
  }

private:
  std::shared_ptr<Device> device_;
  std::string name_;
  void *handle_;
  std::mutex mutex_;
  std::map<std::string, HostFunction> functions_;
};

Error loadError(const std::string &id, const std::string &path,
                const std::string &cause) {
  std::string message = "cannot load image '" + id + "': " + cause;
  if (cause.find(path) == cause.npos)
    message += " (" + path + ")";
  // What the dynamic linker says where a file system forbids code.
  if (cause.find("failed to map segment") != cause.npos ||
      cause.find("Operation not permitted") != cause.npos)
    return Error(ErrorCode::failed,
                 message + "; the file system may be mounted noexec");
  return Error(ErrorCode::corrupt, std::move(message));
}

} // namespace

Result<std::unique_ptr<Image>> loadHostImage(std::shared_ptr<Device> device,
                                             const ImageText &image) {
  if (image.kind != "so")
    return Error(ErrorCode::unsupported,
                 "image '" + image.id + "': the host runs 'so' images, not '" +
                     image.kind + "'");
  // Images name no library they need, so that they load wherever they are
  // copied; calls of libm are resolved by the one that is opened here. Where
  // that name does not exist (other C libraries) the process itself has them.
  dlopen("libm.so.6", RTLD_NOW | RTLD_GLOBAL);

  // A path without a slash would be searched for in system directories.
  std::string path = image.path;
  if (path.find('/') == path.npos)
    path.insert(0, "./");
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *cause = dlerror();
    return loadError(image.id, path, cause ? cause : "unknown reason");
  }
  return std::unique_ptr<Image>(std::make_unique<HostImage>(
      std::move(device), "image '" + image.id + "' (" + path + ")", handle));
}

HgHostKernel hostKernel(const Function &function) {
  return static_cast<const HostFunction &>(function).kernel;
}

} // namespace headgate::runtime
