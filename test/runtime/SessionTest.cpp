// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Loading a bundle on a device: which code can run, entries by name, forced
// variants, and what --print-plan shows.

#include "test/runtime/Handmade.h"

namespace headgate::test {
namespace {

std::string messageOf(const Result<std::shared_ptr<const Session>> &session) {
  return session ? "no error" : session.error().message();
}

TEST(Session, FindsEntries) {
  auto session = handmadeSession();
  auto entry = session->entry("count");
  ASSERT_TRUE(entry);
  EXPECT_EQ((*entry)->name, "count");
}

TEST(Session, NamesItsEntries) {
  auto session = handmadeSession();
  auto none = session->entry("man");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code(), ErrorCode::notFound);
  EXPECT_EQ(none.error().message(),
            "no entry 'man'; " + handmadeBundle() +
                " has main, count, append, take (did you mean 'main'?)");
  auto which = session->entry("");
  ASSERT_FALSE(which);
  EXPECT_EQ(which.error().message(),
            handmadeBundle() +
                " has 4 entries (main, count, append, take): name one");
}

/// A host whose CPU is older than any image. Nothing may be loaded on it.
class OldHost : public Device {
public:
  OldHost() {
    info_.uri = info_.target = "host";
    info_.features = {"sse4.2", "avx"};
  }
  const DeviceInfo &info() const override { return info_; }
  std::vector<std::string> imageKinds(std::string_view) const override {
    return {"so"};
  }
  Result<Buffer> allocate(int64_t) override { return unexpected(); }
  Status copy(void *, const void *, int64_t, CopyKind, Stream) override {
    return unexpected();
  }
  Status fill(void *, uint8_t, int64_t, Stream) override {
    return unexpected();
  }
  Result<std::unique_ptr<Image>> load(const ImageText &) override {
    return unexpected();
  }
  Status launch(const Launch &, Stream) override { return unexpected(); }
  Status synchronize(Stream) override { return unexpected(); }
  Result<std::unique_ptr<Timer>> timer() override { return unexpected(); }

private:
  static Error unexpected() { return {ErrorCode::failed, "it was used"}; }
  void free(void *, int64_t) override {}
  DeviceInfo info_;
};

// Found before the code is loaded: an illegal instruction is not how a user
// learns it.
TEST(Session, CpuWithoutAFeature) {
  BundleCopy copy;
  copy.editPlan("\"target\": \"host\"",
                "\"target\": \"host:new\", "
                "\"needs\": [\"avx\", \"avx2\", \"fma\"]");
  auto bundle = Bundle::open(copy.path().string());
  ASSERT_TRUE(bundle) << bundle.error().message();
  auto session = Session::create(std::make_shared<OldHost>(), *bundle);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::unsupported);
  EXPECT_NE(messageOf(session).find(
                "its host code needs avx and avx2 and fma (host:new); this CPU "
                "lacks avx2 and fma"),
            std::string::npos)
      << messageOf(session);
}

TEST(Session, BundleForAnotherDevice) {
  BundleCopy copy;
  auto image = [](const std::string &id, const std::string &target) {
    return R"({"id": ")" + id + R"(", "target": ")" + target +
           R"(", "forms": [{"kind": "ptx", "isa": "8.0", "file": "a.ptx",
              "bytes": 1, "sha256": ")" +
           std::string(64, '0') + R"("}]})";
  };
  writeFile(copy.plan(), R"({"format": "headgate.plan", "version": 1,
    "images": [)" + image("a", "sm_90a") +
                             ", " + image("b", "sm_90a") + R"(],
    "kernels": [], "entries": []})");
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::unsupported);
  EXPECT_NE(messageOf(session).find("has code for sm_90a; 'host:threads=2' is"),
            std::string::npos)
      << messageOf(session);
  EXPECT_NE(messageOf(session).find("recompile with --target=host"),
            std::string::npos);
}

TEST(Session, ImageWithoutAKernelOfThePlan) {
  BundleCopy copy;
  copy.editPlan("\"hg_double\"", "\"hg_triple\"");
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::notFound);
  EXPECT_NE(messageOf(session).find("kernel 'double', variant 'double.0': "),
            std::string::npos);
  EXPECT_NE(messageOf(session).find("has no kernel 'hg_triple'"),
            std::string::npos);
}

TEST(Session, ForcesAVariant) {
  SessionOptions options;
  options.force = {{"sum", "sum.wide"}};
  auto session = handmadeSession("host", options);
  auto text =
      session->explain(**session->entry("main"), std::vector<int64_t>{5, 3});
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_NE(text->find("variant 'sum.wide'"), std::string::npos) << *text;
}

TEST(Session, OutlinesACall) {
  auto session = handmadeSession();
  auto outline =
      session->outline(**session->entry("main"), std::vector<int64_t>{9, 70});
  ASSERT_TRUE(outline) << outline.error().message();
  std::vector<std::string> ids;
  for (const PlanVariant *variant : outline->variants)
    ids.push_back(variant->id);
  EXPECT_EQ(ids, (std::vector<std::string>{"double.0", "sum.wide"}));
  // 9 rows of 70 floats, and the workspace of one float a row, each in a place
  // of a multiple of 256 bytes.
  EXPECT_EQ(outline->arenaBytes, 2560 + 256);
  EXPECT_FALSE(
      session->outline(**session->entry("main"), std::vector<int64_t>{9}));
}

TEST(Session, RefusesToForceWhatIsNotThere) {
  BundleCopy copy;
  SessionOptions options;
  options.force = {{"som", "sum.wide"}};
  auto kernel = copy.session(options);
  ASSERT_FALSE(kernel);
  EXPECT_NE(messageOf(kernel).find("no kernel 'som'"), std::string::npos);
  EXPECT_NE(messageOf(kernel).find("did you mean 'sum'?"), std::string::npos);
  options.force = {{"sum", "sum.wade"}};
  auto variant = copy.session(options);
  ASSERT_FALSE(variant);
  EXPECT_NE(messageOf(variant).find("no variant 'sum.wade'"),
            std::string::npos);
}

TEST(Session, AllowsOneImage) {
  SessionOptions options;
  options.image = "host";
  auto session = handmadeSession("host", options);
  EXPECT_TRUE(session);
  BundleCopy copy;
  options.image = "hast";
  auto unknown = copy.session(options);
  ASSERT_FALSE(unknown);
  EXPECT_NE(messageOf(unknown).find("no image 'hast'"), std::string::npos);
  EXPECT_NE(messageOf(unknown).find("did you mean 'host'?"), std::string::npos);
}

// Forced means forced: no other variant steps in where it cannot run.
TEST(Session, AForcedVariantThatCannotRunIsAnError) {
  SessionOptions options;
  options.force = {{"sum", "sum.row"}};
  auto session = handmadeSession("host", options);
  auto text =
      session->explain(**session->entry("main"), std::vector<int64_t>{5, 65});
  ASSERT_FALSE(text);
  EXPECT_NE(text.error().message().find("sum.row"), std::string::npos)
      << text.error().message();
}

TEST(Session, ExplainsACall) {
  auto session = handmadeSession("host:threads=2");
  auto text =
      session->explain(**session->entry("main"), std::vector<int64_t>{9, 70});
  ASSERT_TRUE(text) << text.error().message();
  for (const char *part :
       {"entry 'main' on host:threads=2", "with S=9, N=70, x.s=70",
        "t: 2.5 KiB at ", "workspace of sum.wide: 36 bytes at ",
        "step 0: kernel 'double' with S=9, N=70, x.s=70",
        "variant 'double.0' (image 'host')", "hg_double: grid [3,1,1]",
        "hg_sum_wide_reduce: grid [9,1,1]", "hg_sum_wide_add: grid [2,9,1]"})
    EXPECT_NE(text->find(part), std::string::npos) << part << " in\n" << *text;
  auto scratch =
      session->explain(**session->entry("main"), std::vector<int64_t>{0, 7});
  ASSERT_TRUE(scratch) << scratch.error().message();
  for (const char *part :
       {"hg_sum_row: grid [0,1,1], scratch 28 bytes a thread, skipped"})
    EXPECT_NE(scratch->find(part), std::string::npos) << *scratch;
}

TEST(Session, ExplainsOnlyItsOwnEntries) {
  auto session = handmadeSession(), other = handmadeSession();
  auto text =
      session->explain(**other->entry("main"), std::vector<int64_t>{9, 70});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(),
            "entry 'main' is not of this session's plan");
}

TEST(Session, ChecksTheBundlesTuning) {
  BundleCopy copy;
  writeFile(copy.path() / "tuned.json",
            R"({"format": "headgate.tuned", "version": 1, "devices": []})");
  auto session = copy.session();
  EXPECT_TRUE(session) << messageOf(session);
  writeFile(copy.path() / "tuned.json",
            R"({"format": "headgate.tuned", "version": 1, "devices": 1})");
  session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code(), ErrorCode::corrupt);
  EXPECT_NE(messageOf(session).find(
                "tuned.json: devices: expected an array, found 1"),
            std::string::npos)
      << messageOf(session);
  SessionOptions options;
  options.tuned = "none";
  EXPECT_TRUE(copy.session(options));
  options.tuned = (copy.path() / "other.json").string();
  session = copy.session(options);
  ASSERT_FALSE(session);
  EXPECT_NE(messageOf(session).find("other.json"), std::string::npos);
}

/// Of its kernel 'sum'.
std::string handmadeIr() {
  auto session = handmadeSession();
  for (const PlanKernel &kernel : session->plan().kernels)
    if (kernel.name == "sum")
      return kernel.ir;
  return "";
}

/// The rule that chose the variant of 'sum' for these values of S and N, with
/// this text as the entries of one device.
class TunedChoice {
public:
  void addDevice(const std::string &name, const std::string &entries,
                 const std::string &target = "host") {
    devices += (devices.empty() ? "" : ", ") +
               (R"({"name": ")" + name + R"(", "target": ")" + target +
                R"(", "entries": [)" + entries + "]}");
  }
  static std::string entry(int s, int n, const std::string &variant,
                           const std::string &ir = handmadeIr()) {
    return R"({"kernel": "sum", "ir": ")" + ir + R"(", "bucket": {"S": )" +
           std::to_string(s) + R"(, "N": )" + std::to_string(n) +
           R"(}, "variant": ")" + variant + R"(", "record": "sha256:7"})";
  }
  std::string why(int64_t s, int64_t n) {
    writeFile(bundle.path() / "tuned.json",
              R"({"format": "headgate.tuned", "version": 1, "devices": [)" +
                  devices + "]}");
    auto session = bundle.session();
    EXPECT_TRUE(session) << messageOf(session);
    auto text = (*session)->explain(**(*session)->entry("main"),
                                    std::vector<int64_t>{s, n});
    EXPECT_TRUE(text) << text.error().message();
    size_t at = text->find("variant 'sum.");
    return text->substr(at + 9, text->find('\n', at) - at - 9);
  }

  BundleCopy bundle;
  std::string devices;
};

TEST(Session, TheNearestTunedBucketChooses) {
  TunedChoice choice;
  std::string here = handmadeSession()->device()->info().name;
  choice.addDevice(here, TunedChoice::entry(3, 4, "sum.wide") + ", " +
                             TunedChoice::entry(5, 4, "sum.row"));
  choice.addDevice("Another", TunedChoice::entry(3, 6, "sum.wide"));
  EXPECT_EQ(choice.why(8, 16), "sum.wide' (image 'host'): tuned on " + here +
                                   " for S=2^3,N=2^4, record sha256:7");
  EXPECT_EQ(choice.why(20, 10), "sum.row' (image 'host'): tuned on " + here +
                                    " for S=2^5,N=2^4, record sha256:7");
  // Equally far: the smaller one.
  EXPECT_EQ(choice.why(16, 16), "sum.wide' (image 'host'): tuned on " + here +
                                    " for S=2^3,N=2^4, distance 1, record "
                                    "sha256:7");
  // Too far for this device's, near another's.
  EXPECT_EQ(choice.why(1, 60).find("sum.row' (image 'host'): first default"),
            0u);
  EXPECT_EQ(choice.why(4, 128), "sum.wide' (image 'host'): tuned on Another "
                                "for S=2^3,N=2^6, distance 2, record sha256:7");
}

// A device whose code does not run here says nothing, unless it has this name.
TEST(Session, TuningsOfOtherKindsOfDevices) {
  TunedChoice choice;
  choice.addDevice("A GPU", TunedChoice::entry(3, 4, "sum.wide"), "sm_80");
  EXPECT_EQ(choice.why(8, 16).find("sum.row' (image 'host'): first default"),
            0u);
}

// What was tuned may not be able to run: then the next best does.
TEST(Session, TunedVariantsAreCandidatesLikeOthers) {
  TunedChoice choice;
  choice.addDevice("Another", TunedChoice::entry(3, 7, "sum.row"));
  EXPECT_EQ(choice.why(8, 128), // sum.row needs N <= 64
            "sum.wide' (image 'host'): first default for host that can run");
}

TEST(Session, TunedEntriesOfOtherCodeAreSaid) {
  TunedChoice choice;
  choice.addDevice("Another",
                   TunedChoice::entry(3, 4, "sum.wide", "sha256:1") + ", " +
                       TunedChoice::entry(3, 5, "sum.gone") + ", " +
                       R"({"kernel": "sum", "ir": ")" + handmadeIr() +
                       R"(", "bucket": {"S": 3}, "variant": "sum.wide"})");
  EXPECT_EQ(choice.why(8, 16),
            "sum.row' (image 'host'): first default for host that can run (3 "
            "tuned entries are of other code)");
}

// Each variant's own reason: an unusable one and one whose condition fails.
TEST(Session, NoVariantThatCanRun) {
  BundleCopy copy;
  copy.editPlan("\"workspaceBytes\": \"S*4\"",
                "\"when\": \"S / (N-80) > 0\", \"workspaceBytes\": \"S*4\"");
  auto session = copy.session();
  ASSERT_TRUE(session) << messageOf(session);
  auto text = (*session)->explain(**(*session)->entry("main"),
                                  std::vector<int64_t>{9, 70});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::unsupported);
  EXPECT_EQ(text.error().message(),
            "entry 'main': step 'sum': kernel 'sum' has no variant that can "
            "run: 'sum.row': it needs N <= 64 with S=9, N=70; 'sum.wide': it "
            "needs S / (N-80) > 0 (division of 9 by -10) with S=9, N=70");
}

// The order of the defaults counts, and what is no default is only forced.
TEST(Session, DefaultsChoose) {
  BundleCopy copy;
  copy.editPlan("[\"sum.row\", \"sum.wide\"]", "[\"sum.wide\"]");
  auto session = copy.session();
  ASSERT_TRUE(session) << messageOf(session);
  auto text = (*session)->explain(**(*session)->entry("main"),
                                  std::vector<int64_t>{9, 7});
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_NE(text->find("variant 'sum.wide' (image 'host'): first default for "
                       "host that can run"),
            std::string::npos)
      << *text;
}

TEST(Session, ExplainsOnlyLegalDims) {
  auto session = handmadeSession();
  const PlanEntry &main = **session->entry("main");
  auto few = session->explain(main, std::vector<int64_t>{9});
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().message(), "entry 'main' has 2 dims, but 1 were given");
  auto range = session->explain(main, std::vector<int64_t>{9, 0});
  ASSERT_FALSE(range);
  EXPECT_EQ(range.error().message(),
            "N is 0, but entry 'main' takes N from 1 to 4096");
}

// A launch that only a GPU can do is understood and refused, not ignored.
TEST(Session, GpuLaunchOnTheHost) {
  BundleCopy copy;
  copy.editPlan("\"symbol\": \"hg_double\"",
                "\"cluster\": 2, \"symbol\": \"hg_double\"");
  auto session = copy.session();
  ASSERT_TRUE(session) << messageOf(session);
  auto text = (*session)->explain(**(*session)->entry("main"),
                                  std::vector<int64_t>{9, 7});
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code(), ErrorCode::unsupported);
  EXPECT_NE(text.error().message().find("clusters need a GPU"),
            std::string::npos)
      << text.error().message();
}

} // namespace
} // namespace headgate::test
