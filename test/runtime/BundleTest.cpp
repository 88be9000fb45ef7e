// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Opening bundles, whole and damaged. Each message says what to do.

#include "headgate/Bundle.h"
#include "test/runtime/Handmade.h"

namespace headgate::test {
namespace {

namespace fs = std::filesystem;

::testing::AssertionResult failsWith(const Error &error, ErrorCode code,
                                     const std::string &text) {
  if (error.code() == code && error.message().find(text) != std::string::npos)
    return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << "code " << int(error.code()) << ": " << error.message();
}

TEST(Bundle, Opens) {
  auto bundle = Bundle::open(handmadeBundle());
  ASSERT_TRUE(bundle) << bundle.error().message();
  EXPECT_EQ(bundle->plan().entries.size(), 4u);
  const PlanForm &form = bundle->plan().images[0].forms[0];
  auto bytes = bundle->read(form);
  ASSERT_TRUE(bytes) << bytes.error().message();
  EXPECT_EQ(*bytes, readFile(handmadeKernels()));
  auto path = bundle->pathOf(form);
  ASSERT_TRUE(path);
  EXPECT_TRUE(fs::path(*path).is_absolute());
}

TEST(Bundle, OpensWithASlashAtTheEnd) {
  auto bundle = Bundle::open(handmadeBundle() + "/");
  ASSERT_TRUE(bundle) << bundle.error().message();
  EXPECT_EQ(bundle->path(), handmadeBundle());
}

TEST(Bundle, MissingDirectory) {
  auto bundle = Bundle::open("/nowhere/gqe.hgb");
  ASSERT_FALSE(bundle);
  EXPECT_TRUE(failsWith(bundle.error(), ErrorCode::notFound,
                        "no bundle at /nowhere/gqe.hgb"));
}

TEST(Bundle, IrInsteadOfABundle) {
  TemporaryDirectory directory;
  fs::path path = directory.path() / "gqe.mlir";
  writeFile(path, "module {}");
  auto bundle = Bundle::open(path.string());
  ASSERT_FALSE(bundle);
  EXPECT_TRUE(failsWith(bundle.error(), ErrorCode::badInput,
                        "gqe.mlir is IR, not a bundle: run headgate-compile " +
                            path.string() + " -o gqe.hgb first"));
}

TEST(Bundle, FileInsteadOfADirectory) {
  TemporaryDirectory directory;
  writeFile(directory.path() / "x.npy", "");
  auto bundle = Bundle::open((directory.path() / "x.npy").string());
  ASSERT_FALSE(bundle);
  EXPECT_TRUE(failsWith(bundle.error(), ErrorCode::badInput,
                        "x.npy is a file, not a bundle"));
}

TEST(Bundle, DirectoryWithoutPlan) {
  TemporaryDirectory directory;
  auto bundle = Bundle::open(directory.path().string());
  ASSERT_FALSE(bundle);
  EXPECT_TRUE(failsWith(bundle.error(), ErrorCode::badInput,
                        "is a directory without plan.json"));
}

TEST(Bundle, PlanIsNotJson) {
  BundleCopy copy;
  writeFile(copy.plan(), "{ \"format\": ");
  auto bundle = Bundle::open(copy.path().string());
  ASSERT_FALSE(bundle);
  EXPECT_TRUE(failsWith(bundle.error(), ErrorCode::corrupt, "plan.json"));
}

TEST(Bundle, PlanFromTheFuture) {
  BundleCopy copy;
  copy.editPlan("\"version\": 1", "\"version\": 99");
  auto bundle = Bundle::open(copy.path().string());
  ASSERT_FALSE(bundle);
  EXPECT_NE(bundle.error().message().find("99"), std::string::npos)
      << bundle.error().message();
}

TEST(Bundle, OneByteOfTheImageFlipped) {
  BundleCopy copy;
  std::string bytes = readFile(copy.image());
  bytes[bytes.size() / 2] ^= 1;
  writeFile(copy.image(), bytes);
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(
      failsWith(session.error(), ErrorCode::corrupt, "is damaged (sha256 "));
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::corrupt, ".so is damaged"));
}

TEST(Bundle, ImageTruncated) {
  BundleCopy copy;
  std::string bytes = readFile(copy.image());
  writeFile(copy.image(), bytes.substr(0, 100));
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::corrupt,
                        "it has 100 bytes, plan.json says " +
                            std::to_string(bytes.size())));
}

TEST(Bundle, ImageGrown) {
  BundleCopy copy;
  writeFile(copy.image(), readFile(copy.image()) + "!");
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::corrupt, "is damaged"));
}

TEST(Bundle, ImageDeleted) {
  BundleCopy copy;
  fs::path image = copy.image();
  fs::remove(image);
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::notFound,
                        image.filename().string()));
}

TEST(Bundle, ImageIsADirectory) {
  BundleCopy copy;
  fs::path image = copy.image();
  fs::remove(image);
  fs::create_directory(image);
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::corrupt, "is not a file"));
}

TEST(Bundle, ImageIsALinkThatLeadsOut) {
  BundleCopy copy;
  fs::path image = copy.image();
  fs::remove(image);
  fs::create_symlink(handmadeKernels(), image);
  auto session = copy.session();
  ASSERT_FALSE(session);
  EXPECT_TRUE(failsWith(session.error(), ErrorCode::corrupt,
                        "leads out of the bundle"));
}

// A link within the bundle is nobody's harm.
TEST(Bundle, ImageIsALinkThatStaysInside) {
  BundleCopy copy;
  fs::path image = copy.image(), moved = copy.path() / "moved.so";
  fs::rename(image, moved);
  fs::create_symlink("../moved.so", image);
  auto session = copy.session();
  EXPECT_TRUE(session) << session.error().message();
}

TEST(Bundle, BundleItselfMayBeALink) {
  BundleCopy copy;
  TemporaryDirectory directory;
  fs::path link = directory.path() / "link.hgb";
  fs::create_directory_symlink(copy.path(), link);
  auto bundle = Bundle::open(link.string());
  ASSERT_TRUE(bundle) << bundle.error().message();
  EXPECT_TRUE(bundle->read(bundle->plan().images[0].forms[0]));
}

TEST(Bundle, PathsThatLeadOutAreRefused) {
  auto bundle = Bundle::open(handmadeBundle());
  ASSERT_TRUE(bundle);
  PlanForm form = bundle->plan().images[0].forms[0];
  form.file = "../" + fs::path(handmadeKernels()).filename().string();
  EXPECT_FALSE(bundle->pathOf(form));
  form.file = "/etc/passwd";
  EXPECT_FALSE(bundle->pathOf(form));
}

} // namespace
} // namespace headgate::test
