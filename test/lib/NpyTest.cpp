// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Npy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace headgate {
namespace {

namespace fs = std::filesystem;

constexpr DType everyType[] = {DType::f32, DType::f16, DType::bf16, DType::f64,
                               DType::i8,  DType::i16, DType::i32,  DType::i64,
                               DType::u8,  DType::i1};

class Npy : public ::testing::Test {
protected:
  Npy() {
    std::string pattern = (fs::temp_directory_path() / "npy-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    directory = pattern;
    file = (directory / "x.npy").string();
  }
  ~Npy() override { fs::remove_all(directory); }

  void write(const std::string &bytes) {
    std::ofstream(file, std::ios::binary) << bytes;
  }
  std::string bytesOfFile() {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return std::move(text).str();
  }

  /// A file of version `version` with this dictionary and these elements.
  static std::string npy(const std::string &header, const std::string &elements,
                         char version = 1) {
    std::string text = "\x93NUMPY";
    text +=
        {version, '\0', char(header.size() & 0xff), char(header.size() >> 8)};
    if (version > 1)
      text += std::string(2, '\0');
    return text + header + elements;
  }
  static std::string dictionary(const std::string &descr,
                                const std::string &shape,
                                const std::string &order = "False") {
    return "{'descr': '" + descr + "', 'fortran_order': " + order +
           ", 'shape': " + shape + ", }\n";
  }

  /// What is wrong with a file of these bytes, without its name in front.
  std::string refusal(const std::string &bytes,
                      std::optional<DType> wanted = std::nullopt) {
    write(bytes);
    auto array = readNpy(file, wanted);
    if (array)
      return "it was read";
    const std::string &message = array.error().message();
    EXPECT_EQ(message.find(file + ": "), 0u) << message;
    return message.substr(std::min(file.size() + 2, message.size()));
  }

  fs::path directory;
  std::string file;
};

TEST_F(Npy, EveryTypeComesBack) {
  for (DType dtype : everyType) {
    Array array = Array::zeros(dtype, {2, 3});
    for (int64_t i = 0; i < 6; ++i)
      if (isFloat(dtype))
        array.set(i, i == 5 ? std::nan("") : 0.75 * double(i) - 1);
      else
        array.setInteger(i, 37 * i - 5);
    ASSERT_TRUE(writeNpy(file, array));
    auto back = readNpy(file, dtype);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->dtype, dtype) << name(dtype);
    EXPECT_EQ(back->shape, array.shape);
    EXPECT_EQ(back->bytes, array.bytes) << name(dtype);
  }
}

TEST_F(Npy, EveryShapeComesBack) {
  for (const std::vector<int64_t> &shape :
       {std::vector<int64_t>{}, {0}, {5}, {0, 3}, {1, 2, 3, 4, 1, 2, 1, 3}}) {
    Array array = Array::zeros(DType::i16, shape);
    ASSERT_TRUE(writeNpy(file, array));
    auto back = readNpy(file);
    ASSERT_TRUE(back) << back.error().message();
    EXPECT_EQ(back->shape, shape);
  }
}

// The bytes that numpy.save writes for numpy.arange(3, dtype='<i4').
TEST_F(Npy, WritesNumpysBytes) {
  Array array = Array::of({3}, std::vector<int32_t>{0, 1, 2});
  ASSERT_TRUE(writeNpy(file, array));
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': "
                       "(3,), }";
  header.resize(117, ' ');
  std::string elements("\0\0\0\0\1\0\0\0\2\0\0\0", 12);
  EXPECT_EQ(bytesOfFile(), npy(header + "\n", elements));
}

TEST_F(Npy, ReadsEveryVersion) {
  for (char version : {1, 2, 3}) {
    write(npy(dictionary("<i2", "(2,)"), std::string("\1\0\2\0", 4), version));
    auto array = readNpy(file);
    ASSERT_TRUE(array) << array.error().message();
    EXPECT_EQ(array->integerAt(1), 2);
  }
  EXPECT_EQ(refusal(npy(dictionary("<i2", "(2,)"), "1234", 4)),
            "it is .npy version 4; versions 1 to 3 are read");
}

// Other writers: any order of the keys, double quotes, no comma at the end,
// Python 2's long integers.
TEST_F(Npy, ReadsOtherSpellings) {
  for (const char *header :
       {"{\"shape\":(2,1),\"descr\":\"<i2\",\"fortran_order\":False}",
        " { 'descr' : '<i2' , 'fortran_order' : False , 'shape' : ( 2 , 1 ) , "
        "} \n\n",
        "{'descr': 'i2', 'fortran_order': False, 'shape': (2L, 1L)}",
        "{'descr': '=i2', 'fortran_order': False, 'shape': (2, 1,)}"}) {
    write(npy(header, std::string("\1\0\2\0", 4)));
    auto array = readNpy(file);
    ASSERT_TRUE(array) << header << array.error().message();
    EXPECT_EQ(array->shape, (std::vector<int64_t>{2, 1}));
    EXPECT_EQ(array->integerAt(1), 2);
  }
}

TEST_F(Npy, TakesTwoByteWordsAsBf16) {
  std::string one("\x80\x3f", 2); // 1 in bf16
  for (const char *descr : {"<V2", "|V2", "<u2", "<i2"}) {
    write(npy(dictionary(descr, "(1,)"), one));
    auto array = readNpy(file, DType::bf16);
    ASSERT_TRUE(array) << array.error().message();
    EXPECT_EQ(array->dtype, DType::bf16);
    EXPECT_EQ(array->at(0), 1);
  }
  EXPECT_EQ(refusal(npy(dictionary("<V2", "(1,)"), one)),
            "it holds '<V2', 2-byte words without a type (numpy has no bf16): "
            "they are read only where bf16 is asked for");
  // Numbers stay numbers.
  write(npy(dictionary("<f2", "(1,)"), std::string("\0\x3c", 2)));
  auto array = readNpy(file, DType::bf16);
  ASSERT_TRUE(array);
  EXPECT_EQ(array->dtype, DType::f16);
}

TEST_F(Npy, AnyByteOfAMaskIsTrue) {
  write(npy(dictionary("|b1", "(3,)"), std::string("\0\1\7", 3)));
  auto array = readNpy(file);
  ASSERT_TRUE(array);
  EXPECT_EQ(array->bytes,
            (std::vector<std::byte>{std::byte(0), std::byte(1), std::byte(1)}));
}

TEST_F(Npy, RefusesMissingAndOddFiles) {
  auto array = readNpy(file);
  ASSERT_FALSE(array);
  EXPECT_EQ(array.error().code(), ErrorCode::notFound);
  EXPECT_EQ(array.error().message(), file + ": no such file");
  array = readNpy(directory.string());
  ASSERT_FALSE(array);
  EXPECT_NE(array.error().message().find("not a regular file"),
            std::string::npos);
  EXPECT_EQ(refusal(""), "it is no .npy file");
  EXPECT_EQ(refusal("\x93NUMPY"), "it is no .npy file");
  EXPECT_EQ(refusal("PK\3\4 a zip file, as .npz is"), "it is no .npy file");
}

// Cut after every byte: an error each time, and never more than the file.
TEST_F(Npy, RefusesEveryTruncation) {
  std::string whole =
      npy(dictionary("<f4", "(2, 3)"), std::string(24, '\1'), 1);
  for (size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(refusal(whole.substr(0, length)), "it was read") << length;
  EXPECT_EQ(refusal(whole), "it was read");
  EXPECT_EQ(refusal(whole.substr(0, 9)), "it ends inside its header");
  EXPECT_EQ(refusal(whole.substr(0, 30)), "it ends inside its header");
  EXPECT_EQ(refusal(whole.substr(0, whole.size() - 1)),
            "its shape (2, 3) of '<f4' takes 24 bytes, but 23 follow the "
            "header");
  EXPECT_EQ(refusal(whole + "!"),
            "its shape (2, 3) of '<f4' takes 24 bytes, but 25 follow the "
            "header");
}

TEST_F(Npy, RefusesFortranOrder) {
  std::string elements(24, '\0');
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(2, 3)", "True"), elements)),
            "it is in Fortran order; save it with numpy.ascontiguousarray");
  // Of one dimension both orders are the same.
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(6,)", "True"), elements)),
            "it was read");
}

TEST_F(Npy, RefusesOtherTypes) {
  struct Row {
    const char *descr, *message;
  };
  for (Row row : {
           Row{">f4", "it is big-endian ('>f4'); save it little-endian"},
           {"<c8", "it holds '<c8', complex numbers; "},
           {"|O", "it holds '|O', Python objects; "},
           {"<U3", "it holds '<U3', text; "},
           {"|S3", "it holds '|S3', text; "},
           {"<M8[ns]", "it holds '<M8[ns]', dates; "},
           {"<m8[s]", "it holds '<m8[s]', time differences; "},
           {"|V3", "it holds '|V3', raw bytes; "},
           {"<u4", "it holds '<u4', unsigned integers of this width; "},
           {"<f16", "it holds '<f16', floats of this width; "},
           {"", "it holds '', an element type that is not supported; "},
           {"<", "it holds '<', an element type that is not supported; "},
       })
    EXPECT_EQ(refusal(npy(dictionary(row.descr, "(1,)"), "")).find(row.message),
              0u)
        << row.descr << ": " << refusal(npy(dictionary(row.descr, "(1,)"), ""));
  EXPECT_EQ(refusal(npy("{'descr': [('a', '<f4')], 'fortran_order': False, "
                        "'shape': (1,)}",
                        "")),
            "it holds records with named fields, not numbers");
}

TEST_F(Npy, RefusesHugeShapes) {
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(4611686018427387904, 4)"), "")),
            "its shape (4611686018427387904, 4) makes more bytes than 64 bits "
            "count");
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(9223372036854775808,)"), "")),
            "its header has an extent beyond 64 bits");
  // Its strides would not fit, empty or not.
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(0, 4611686018427387904, 4)"), "")),
            "its shape (0, 4611686018427387904, 4) makes more bytes than 64 "
            "bits count");
  EXPECT_EQ(refusal(npy(dictionary("<f4", "(1000000000000,)"), "abcd")),
            "its shape (1000000000000,) of '<f4' takes 4000000000000 bytes, "
            "but 4 follow the header");
  EXPECT_EQ(refusal(npy(dictionary("<i1", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), "a")),
            "it has 9 dimensions; at most 8 are read");
}

TEST_F(Npy, RefusesBadHeaders) {
  struct Row {
    const char *header, *message;
  };
  for (Row row : {
           Row{"", "expected '{', found its end"},
           {"[]", "expected '{', found '[]'"},
           {"{", "expected a key, found its end"},
           {"{'descr'}", "expected a key, found '}'"},
           {"{'descr: '<f4'}", "expected a key, found '<f4'}'"},
           {"{'descr': 7}", "expected an element type, found '7}'"},
           {"{'descr': '<f4' 'shape': ()}",
            "expected ',' or '}', found ''shape':'"},
           {"{'fortran_order': Maybe}",
            "expected True or False, found 'Maybe}'"},
           {"{'shape': 3}", "expected '(' of a shape, found '3}'"},
           {"{'shape': (a,)}", "expected an extent, found 'a,)}'"},
           {"{'shape': (-1,)}", "expected an extent, found '-1,)}'"},
           {"{'shape': (1 2)}", "expected ',' or ')', found '2)}'"},
           {"{'shape': (1,", "expected an extent, found its end"},
           {"\x01\xff", "expected '{', found '?\?'"},
       })
    EXPECT_EQ(refusal(npy(row.header, "")),
              std::string("its header is damaged: ") + row.message)
        << row.header;
  for (Row row : {
           Row{"{'color': 'red'}", "its header has an unknown key 'color'"},
           {"{'descr': '<f4', 'descr': '<f4'}",
            "its header has the key 'descr' twice"},
           {"{}", "its header has no 'descr'"},
           {"{'descr': '<f4'}", "its header has no 'fortran_order'"},
           {"{'descr': '<f4', 'fortran_order': False}",
            "its header has no 'shape'"},
           {"{'descr': '<f4', 'fortran_order': False, 'shape': ()} x",
            "its header goes on behind the '}'"},
       })
    EXPECT_EQ(refusal(npy(row.header, "")), row.message) << row.header;
}

TEST_F(Npy, ReplacesAFileAsAWhole) {
  write("old");
  ASSERT_TRUE(writeNpy(file, Array::zeros(DType::f32, {2})));
  EXPECT_TRUE(readNpy(file));
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(fs::directory_iterator(directory),
                          fs::directory_iterator()),
            1);
}

TEST_F(Npy, WritesThroughALink) {
  fs::path target = directory / "target.npy";
  std::ofstream(target) << "old";
  fs::create_symlink("target.npy", file);
  ASSERT_TRUE(writeNpy(file, Array::zeros(DType::f32, {2})));
  EXPECT_TRUE(fs::is_symlink(file));
  EXPECT_TRUE(readNpy(target.string()));
}

TEST_F(Npy, WhatCannotBeWritten) {
  Array array = Array::zeros(DType::f32, {2});
  Status done = writeNpy((directory / "none" / "x.npy").string(), array);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("cannot write"), std::string::npos);
  done = writeNpy(directory.string(), array);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(), directory.string() + ": is a directory");
  done = writeNpy("/dev/full", array);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("/dev/full: cannot write"),
            std::string::npos);
}

} // namespace
} // namespace headgate
