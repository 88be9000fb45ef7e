// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/CheckPlan.h"

#include "lib/PlanRules.h"

#include <bit>
#include <cmath>

namespace headgate {

namespace {

constexpr std::string_view features[] = {
    "sse4.2",   "avx",      "avx2",     "fma",        "f16c", "avx512f",
    "avx512bw", "avx512dq", "avx512vl", "avx512bf16", "neon"};

bool isHexDigest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// "host", "host:LEVEL", "sm_80", "sm_90a"
bool isTarget(std::string_view text) {
  if (text == "host")
    return true;
  if (text.starts_with("host:"))
    return text.size() > 5;
  if (!text.starts_with("sm_"))
    return false;
  text.remove_prefix(3);
  if (text.ends_with('a') || text.ends_with('f'))
    text.remove_suffix(1);
  return text.size() >= 2 && text.size() <= 3 &&
         text.find_first_not_of("0123456789") == text.npos;
}

/// A path below the bundle's directory, without "." and "..".
bool isInnerPath(std::string_view path) {
  while (!path.empty()) {
    size_t slash = path.find('/');
    std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == ".." ||
        part.find('\0') != part.npos)
      return false;
    if (slash == path.npos)
      return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

class KernelChecker : PlanRules {
public:
  using PlanRules::PlanRules;

  std::optional<Error> run() {
    images();
    kernels();
    return error;
  }

private:
  void images() {
    std::set<std::string> known;
    for (size_t i = 0; i < plan.images.size(); ++i) {
      std::string path = at("", "images", i);
      define(known, plan.images[i].id, at(path, "id"), "image");
      image(plan.images[i], path);
    }
  }

  void image(const PlanImage &image, const std::string &path) {
    need(isTarget(image.target), at(path, "target"),
         "expected host, host:LEVEL or sm_NN, found '" + image.target + "'");
    bool host = targetFamily(image.target) == "host";
    need(host || image.needs.empty(), at(path, "needs"),
         "only images for the host have CPU features");
    std::set<std::string> words;
    const Names all(std::begin(features), std::end(features));
    for (size_t i = 0; i < image.needs.size(); ++i) {
      reference(all, image.needs[i], at(path, "needs", i), "CPU feature");
      listOnce(words, image.needs[i], at(path, "needs", i));
    }
    need(!image.forms.empty(), at(path, "forms"), "an image has a form");
    for (size_t i = 0; i < image.forms.size(); ++i)
      form(image.forms[i], host, at(path, "forms", i));
  }

  void form(const PlanForm &form, bool host, const std::string &path) {
    bool ptx = form.kind == "ptx", cubin = form.kind == "cubin";
    need(host ? form.kind == "so" : ptx || cubin, at(path, "kind"),
         std::string("expected ") + (host ? "so" : "ptx or cubin") +
             ", found '" + form.kind + "'");
    need(isInnerPath(form.file), at(path, "file"),
         "'" + form.file + "' is not a path inside the bundle");
    range(form.bytes, 1, maxFileBytes, at(path, "bytes"));
    need(isHexDigest(form.sha256), at(path, "sha256"),
         "expected 64 lower-case hex digits, found '" + form.sha256 + "'");
    need(ptx == !form.isa.empty(), at(path, "isa"),
         ptx ? "a ptx form says its PTX version" : "only a ptx form has one");
    if (form.registers) {
      need(cubin, at(path, "registers"), "only a cubin form has them");
      range(*form.registers, 0, 255, at(path, "registers"));
    }
    if (form.spillBytes) {
      need(cubin, at(path, "spillBytes"), "only a cubin form has them");
      range(*form.spillBytes, 0, maxFileBytes, at(path, "spillBytes"));
    }
  }

  void kernels() {
    std::set<std::string> known;
    for (size_t i = 0; i < plan.kernels.size(); ++i) {
      std::string path = at("", "kernels", i);
      define(known, plan.kernels[i].name, at(path, "name"), "kernel");
      kernel(plan.kernels[i], path);
    }
  }

  void kernel(const PlanKernel &kernel, const std::string &path) {
    std::string_view ir = kernel.ir;
    need(ir.empty() || (ir.starts_with("sha256:") && isHexDigest(ir.substr(7))),
         at(path, "ir"),
         "expected sha256: and 64 lower-case hex digits, found '" + kernel.ir +
             "'");
    std::set<std::string> known;
    for (size_t i = 0; i < kernel.parameters.size(); ++i) {
      define(known, kernel.parameters[i].name, at(path, "parameters", i),
             "parameter");
      parameter(kernel.parameters[i], at(path, "parameters", i));
    }
    Names scalars = scalarNames(kernel);
    std::set<std::string> bucket;
    for (size_t i = 0; i < kernel.bucket.size(); ++i) {
      reference(scalars, kernel.bucket[i], at(path, "bucket", i),
                "integer parameter");
      listOnce(bucket, kernel.bucket[i], at(path, "bucket", i));
    }
    std::set<std::string> ids;
    for (size_t i = 0; i < kernel.variants.size(); ++i) {
      std::string where = at(path, "variants", i);
      define(ids, kernel.variants[i].id, at(where, "id"), "variant");
      variant(kernel, kernel.variants[i], scalars, where);
    }
    for (const auto &[target, variants] : kernel.defaults)
      defaults(kernel, target, variants, at(at(path, "defaults"), target));
  }

  void parameter(const PlanParameter &parameter, const std::string &path) {
    need(isExprName(parameter.name) && parameter.name != "workspace", path,
         "'" + parameter.name + "' cannot be the name of a parameter");
    need(parameter.align == 0 || parameter.type == ParameterType::ptr, path,
         "only a pointer has an alignment");
    need(parameter.align == 0 ||
             (parameter.align > 0 && parameter.align <= maxAlign &&
              std::has_single_bit(uint64_t(parameter.align))),
         path,
         "an alignment of " + std::to_string(parameter.align) +
             " is not a power of two up to " + std::to_string(maxAlign));
  }

  void defaults(const PlanKernel &kernel, const std::string &target,
                const Names &variants, const std::string &path) {
    need(isTarget(target) && targetFamily(target) == target, path,
         "expected host or sm_NN, found '" + target + "'");
    std::set<std::string> listed;
    for (size_t i = 0; i < variants.size(); ++i) {
      std::string where = jsonPath(path, i);
      reference(namesOf(kernel.variants, &PlanVariant::id), variants[i], where,
                "variant");
      listOnce(listed, variants[i], where);
      const PlanImage *image = imageOf(kernel, variants[i]);
      need(!image || targetFamily(image->target) == target, where,
           "variant '" + variants[i] + "' is not for " + target);
    }
  }

  const PlanImage *findImage(const std::string &id) {
    for (const PlanImage &image : plan.images)
      if (image.id == id)
        return &image;
    return nullptr;
  }

  const PlanImage *imageOf(const PlanKernel &kernel, const std::string &id) {
    for (const PlanVariant &variant : kernel.variants)
      if (variant.id == id)
        return findImage(variant.image);
    return nullptr;
  }

  void variant(const PlanKernel &kernel, const PlanVariant &variant,
               const Names &scalars, const std::string &path) {
    reference(namesOf(plan.images, &PlanImage::id), variant.image,
              at(path, "image"), "image");
    expression(variant.when, scalars, at(path, "when"));
    expression(variant.workspaceBytes, scalars, at(path, "workspaceBytes"));
    need(!variant.launches.empty(), at(path, "launches"),
         "a variant has a launch");
    for (size_t i = 0; i < variant.launches.size(); ++i)
      launch(kernel, variant.launches[i], scalars, at(path, "launches", i));
    for (size_t i = 0; i < variant.launches.size(); ++i)
      launchImage(variant, variant.launches[i].image,
                  at(at(path, "launches", i), "image"));
  }

  /// Another image of the variant's target, so that a device that has one of
  /// them has both.
  void launchImage(const PlanVariant &variant, const std::string &id,
                   const std::string &path) {
    if (id.empty())
      return;
    reference(namesOf(plan.images, &PlanImage::id), id, path, "image");
    const PlanImage *own = findImage(id), *first = findImage(variant.image);
    need(!own || !first || own->target == first->target, path,
         "image '" + id + "' is not for the variant's target");
  }

  void launch(const PlanKernel &kernel, const PlanLaunch &launch,
              const Names &scalars, const std::string &path) {
    need(!launch.symbol.empty(), at(path, "symbol"), "a launch has a symbol");
    for (size_t i = 0; i < 3; ++i)
      expression(launch.grid[i], scalars, at(path, "grid", i));
    expression(launch.scratchBytes, scalars, at(path, "scratchBytes"));
    range(launch.block, 1, 1024, at(path, "block"));
    range(launch.cluster, 1, 16, at(path, "cluster"));
    range(launch.sharedBytes, 0, INT32_MAX, at(path, "sharedBytes"));
    for (size_t i = 0; i < launch.arguments.size(); ++i)
      argument(kernel, launch.arguments[i], scalars, at(path, "arguments", i));
  }

  void argument(const PlanKernel &kernel, const PlanArgument &argument,
                const Names &scalars, const std::string &path) {
    switch (argument.kind) {
    case PlanArgument::Kind::parameter:
      reference(namesOf(kernel.parameters, &PlanParameter::name), argument.text,
                path, "parameter");
      break;
    case PlanArgument::Kind::i32:
    case PlanArgument::Kind::i64:
      expression(argument.text, scalars, path);
      break;
    case PlanArgument::Kind::f32:
      need(!std::isfinite(argument.number) ||
               std::isfinite(static_cast<float>(argument.number)),
           path, "the number does not fit f32");
      break;
    case PlanArgument::Kind::tensorMap:
      tensorMap(kernel, argument.map, scalars, at(path, "tensorMap"));
      break;
    case PlanArgument::Kind::workspace:
      break;
    }
  }

  /// The limits of cuTensorMapEncodeTiled.
  void tensorMap(const PlanKernel &kernel, const PlanTensorMap &map,
                 const Names &scalars, const std::string &path) {
    Names pointers;
    for (const PlanParameter &parameter : kernel.parameters)
      if (parameter.type == ParameterType::ptr)
        pointers.push_back(parameter.name);
    reference(pointers, map.base, at(path, "base"), "pointer parameter");
    need(parseDType(map.dtype).has_value(), at(path, "dtype"),
         "unknown element type '" + map.dtype + "'");
    size_t rank = map.sizes.size();
    need(rank >= 1 && rank <= 5, at(path, "sizes"),
         "expected 1 to 5 sizes, found " + std::to_string(rank));
    need(map.strides.size() + 1 == rank, at(path, "strides"),
         "expected a stride for each size but the first");
    need(map.box.size() == rank, at(path, "box"),
         "expected an extent for each size");
    for (size_t i = 0; i < map.sizes.size(); ++i)
      expression(map.sizes[i], scalars, at(path, "sizes", i));
    for (size_t i = 0; i < map.strides.size(); ++i)
      expression(map.strides[i], scalars, at(path, "strides", i));
    for (size_t i = 0; i < map.box.size(); ++i)
      range(map.box[i], 1, 256, at(path, "box", i));
    constexpr int64_t swizzles[] = {0, 32, 64, 128}, l2s[] = {0, 64, 128, 256};
    need(std::ranges::find(swizzles, map.swizzle) != std::end(swizzles),
         at(path, "swizzle"), "expected 0, 32, 64 or 128");
    need(std::ranges::find(l2s, map.l2) != std::end(l2s), at(path, "l2"),
         "expected 0, 64, 128 or 256");
    need(map.fill == "zero" || map.fill == "nan", at(path, "fill"),
         "expected zero or nan, found '" + map.fill + "'");
  }

  /// What the arena gives every temporary.
  static constexpr int64_t maxAlign = 256;
  static constexpr int64_t maxFileBytes = int64_t(1) << 40;
};

} // namespace

std::optional<Error> checkKernels(const Plan &plan) {
  return KernelChecker(plan).run();
}

Status checkPlan(const Plan &plan) {
  std::optional<Error> error = checkKernels(plan);
  if (!error)
    error = checkEntries(plan);
  if (error)
    return *std::move(error);
  return Success{};
}

std::span<const std::string_view> cpuFeatureWords() { return features; }

std::string_view targetFamily(std::string_view target) {
  return target.substr(0, target.find(':'));
}

std::vector<std::string> scalarNames(const PlanKernel &kernel) {
  std::vector<std::string> names;
  for (const PlanParameter &parameter : kernel.parameters)
    if (parameter.type == ParameterType::i32 ||
        parameter.type == ParameterType::i64)
      names.push_back(parameter.name);
  return names;
}

} // namespace headgate
