// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "tools/compiler/MakeImages.h"

#include "tools/compiler/LinkImage.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

namespace fs = std::filesystem;

namespace headgate {

namespace {

Status write(const std::string &path, const std::string &bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  file.close();
  if (file)
    return Success{};
  return Error(ErrorCode::failed, "cannot write " + path);
}

//===-- the host ---------------------------------------------------------===//

Status link(const passes::ExportedImage &image, const std::string &output,
            const std::string &linker) {
  std::vector<std::string> files;
  for (const std::string &bytes : image.objects) {
    files.push_back(output + std::to_string(files.size()) + ".o");
    if (Status done = write(files.back(), bytes); !done)
      return done;
  }
  Status done = linkImage(files, image.target, output, linker);
  std::error_code ignored;
  for (const std::string &file : files)
    fs::remove(file, ignored);
  return done;
}

/// Images of the same code are linked once; all that differ, side by side.
Status makeHostImages(BundleWriter &writer, passes::Exported &exported,
                      const std::string &linker) {
  const auto &images = exported.images;
  auto nameOf = [](size_t image) {
    return "image" + std::to_string(image) + ".so";
  };
  std::vector<size_t> sources; // of each image: the one that is linked
  std::vector<std::future<Status>> links(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    auto same = std::ranges::find(images, images[i].objects,
                                  &passes::ExportedImage::objects);
    sources.push_back(same - images.begin());
    if (sources[i] == i)
      links[i] = std::async(std::launch::async, [&, i] {
        return link(images[i], writer.scratch(nameOf(i)), linker);
      });
  }
  for (size_t i = 0; i < images.size(); ++i)
    if (sources[i] == i)
      if (Status done = links[i].get(); !done)
        return done;
  for (size_t i = 0; i < images.size(); ++i) {
    const std::string file = writer.scratch(nameOf(i));
    std::error_code code;
    if (sources[i] != i &&
        !fs::copy_file(writer.scratch(nameOf(sources[i])), file, code))
      return Error(ErrorCode::failed,
                   "cannot write " + file + ": " + code.message());
  }
  for (size_t i = 0; i < images.size(); ++i)
    if (Status done = writer.add(exported.plan, images[i].target.image,
                                 {.kind = "so"}, nameOf(i));
        !done)
      return done;
  return Success{};
}

//===-- GPUs -------------------------------------------------------------===//

std::string scratchName(size_t index, const char *kind) {
  return "kernel" + std::to_string(index) + "." + kind;
}

/// What ptxas says of each kernel, whose PTX lies in the scratch files.
std::vector<Result<PtxasReport>> assembleAll(const BundleWriter &writer,
                                             const passes::Exported &exported,
                                             const Ptxas &ptxas) {
  std::vector<Result<PtxasReport>> reports(
      exported.ptx.size(),
      Result<PtxasReport>(Error(ErrorCode::failed, "not assembled")));
  std::atomic<size_t> next = 0;
  auto work = [&] {
    for (size_t i; (i = next++) < reports.size();)
      reports[i] = ptxas.assemble(writer.scratch(scratchName(i, "ptx")),
                                  exported.ptx[i].target.name,
                                  writer.scratch(scratchName(i, "cubin")));
  };
  std::vector<std::thread> threads;
  for (unsigned i = std::max(1u, std::thread::hardware_concurrency()); i > 0;
       --i)
    threads.emplace_back(work);
  for (std::thread &thread : threads)
    thread.join();
  return reports;
}

Status makeGpuImages(BundleWriter &writer, passes::Exported &exported,
                     const std::optional<Ptxas> &ptxas) {
  for (size_t i = 0; i < exported.ptx.size(); ++i)
    if (Status done =
            write(writer.scratch(scratchName(i, "ptx")), exported.ptx[i].ptx);
        !done)
      return done;
  std::vector<Result<PtxasReport>> reports;
  if (ptxas && !exported.ptx.empty())
    reports = assembleAll(writer, exported, *ptxas);
  for (size_t i = 0; i < exported.ptx.size(); ++i) {
    const passes::ExportedPtx &kernel = exported.ptx[i];
    if (Status done = writer.add(exported.plan, kernel.image,
                                 {.kind = "ptx", .isa = kernel.target.isa},
                                 scratchName(i, "ptx"));
        !done)
      return done;
    if (reports.empty())
      continue;
    if (!reports[i])
      return std::move(reports[i]).error().in("kernel '" + kernel.image + "'");
    if (Status done = writer.add(exported.plan, kernel.image,
                                 {.kind = "cubin",
                                  .registers = reports[i]->registers,
                                  .spillBytes = reports[i]->spillBytes},
                                 scratchName(i, "cubin"));
        !done)
      return done;
  }
  return Success{};
}

} // namespace

Status makeImages(BundleWriter &writer, passes::Exported &exported,
                  const ImageTools &tools) {
  if (Status done = makeHostImages(writer, exported, tools.linker); !done)
    return done;
  return makeGpuImages(writer, exported, tools.ptxas);
}

} // namespace headgate
