// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Sha256.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

// FIPS 180-2, appendix B.
TEST(Sha256, PublishedVectors) {
  EXPECT_EQ(sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223"
                              "b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(sha256Hex(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// Lengths round the ends of the padded blocks; digests by Python's hashlib.
TEST(Sha256, EveryPadding) {
  struct Row {
    int length;
    const char *digest;
  };
  for (Row row : {
           Row{0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
                  "b855"},
           {1, "4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459"
               "a"},
           {55, "d604dc83c754bb5890ec011f3fa0552324cb1412205b5a5e83fd17cd4afe57"
                "ed"},
           {56, "0371e3fd4911ce4109ac9aaddc0ebdfe28431802ef70a966cb245da585f2a3"
                "7e"},
           {57, "bdce47d7bad9c7849a36531ae5ac19e3c4413c87c20f5d00ccda7dcd7c57bd"
                "b1"},
           {63, "de8f546e5d44d4fb35d25af2748ed9b6644d200d56b6b0b6e71b095b44348d"
                "c6"},
           {64, "35eb8c80b4af970a05040dd151d5edad6172957c1ded27e521fdcf526178fe"
                "b3"},
           {65, "c96988663bcd3779da5b1c0e499742ff48bf6148d5c044326ce3e5845a80e6"
                "ab"},
           {119, "7fb3869648ad8420f2e1a20812a61ba45c3db01dc7b391d48c2a8c1d6f41b"
                 "e35"},
           {120, "9db2bb35e3e98f502b654e82f0051eebfa45015e36ed8c3a28d44586eff73"
                 "72b"},
           {128, "086e64af3be4bef59202dea267776bbbbe6264ad9ff0b46345743fffc4462"
                 "38e"},
           {1000, "e66c6563e3797f84573ef7dfe3a460d5d579967297ef20150d89f0c6e358"
                  "221e"},
       }) {
    std::string bytes;
    for (int i = 0; i < row.length; ++i)
      bytes += static_cast<char>((i * 7 + row.length) % 251);
    EXPECT_EQ(sha256Hex(bytes), row.digest) << row.length << " bytes";
  }
}

} // namespace
} // namespace headgate
