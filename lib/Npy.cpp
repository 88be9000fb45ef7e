// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/Npy.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <unistd.h>

namespace headgate {

namespace {
namespace fs = std::filesystem;

constexpr std::string_view magic = "\x93NUMPY";

Error corrupt(std::string message) {
  return {ErrorCode::corrupt, std::move(message)};
}
Error unsupported(std::string message) {
  return {ErrorCode::unsupported, std::move(message)};
}

/// Text of a file as a message may show it: it can be any bytes.
std::string shown(std::string_view text) {
  std::string result(text);
  for (char &c : result)
    if (c < ' ' || c > '~')
      c = '?';
  return result;
}

struct Header {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Reads the header's dictionary: the few forms of it that numpy writes, with
/// any spaces and any order of its keys.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  Result<Header> parse() {
    bool descr = false, order = false, shape = false;
    if (!take('{'))
      return expected("'{'");
    while (!take('}')) {
      std::string key;
      if (!parseString(key) || !take(':'))
        return expected("a key");
      bool *seen = key == "descr"           ? &descr
                   : key == "fortran_order" ? &order
                   : key == "shape"         ? &shape
                                            : nullptr;
      if (!seen)
        return corrupt("its header has an unknown key '" + shown(key) + "'");
      if (std::exchange(*seen, true))
        return corrupt("its header has the key '" + key + "' twice");
      if (Status parsed = parseValue(key); !parsed)
        return std::move(parsed).error();
      if (!take(',') && !peek('}'))
        return expected("',' or '}'");
    }
    skipSpaces();
    if (!text.empty())
      return corrupt("its header goes on behind the '}'");
    if (!descr || !order || !shape)
      return corrupt("its header has no '" +
                     std::string(!descr   ? "descr"
                                 : !order ? "fortran_order"
                                          : "shape") +
                     "'");
    return header;
  }

private:
  Error expected(const char *what) const {
    return corrupt(
        "its header is damaged: expected " + std::string(what) + ", found " +
        (text.empty() ? "its end" : "'" + shown(text.substr(0, 8)) + "'"));
  }

  void skipSpaces() {
    size_t spaces = text.find_first_not_of(" \t\n\r");
    text.remove_prefix(std::min(spaces, text.size()));
  }
  bool peek(char c) {
    skipSpaces();
    return text.starts_with(c);
  }
  bool take(char c) {
    bool there = peek(c);
    if (there)
      text.remove_prefix(1);
    return there;
  }
  bool takeWord(std::string_view word) {
    skipSpaces();
    bool there = text.starts_with(word);
    if (there)
      text.remove_prefix(word.size());
    return there;
  }

  bool parseString(std::string &value) {
    char quote = peek('"') ? '"' : '\'';
    if (!take(quote))
      return false;
    size_t end = text.find(quote);
    if (end == std::string_view::npos)
      return false;
    value = text.substr(0, end);
    text.remove_prefix(end + 1);
    return true;
  }

  Status parseValue(const std::string &key) {
    if (key == "shape")
      return parseShape();
    if (key == "fortran_order") {
      if (takeWord("True"))
        header.fortranOrder = true;
      else if (!takeWord("False"))
        return expected("True or False");
      return Success();
    }
    if (peek('['))
      return unsupported("it holds records with named fields, not numbers");
    if (!parseString(header.descr))
      return expected("an element type");
    return Success();
  }

  Status parseShape() {
    if (!take('('))
      return expected("'(' of a shape");
    while (!take(')')) {
      skipSpaces();
      int64_t extent = 0;
      auto [stop, failure] =
          std::from_chars(text.data(), text.data() + text.size(), extent);
      if (failure == std::errc::result_out_of_range)
        return corrupt("its header has an extent beyond 64 bits");
      if (failure != std::errc() || extent < 0)
        return expected("an extent");
      text.remove_prefix(static_cast<size_t>(stop - text.data()));
      takeWord("L"); // Python 2 wrote long integers so
      header.shape.push_back(extent);
      if (!take(',') && !peek(')'))
        return expected("',' or ')'");
    }
    return Success();
  }

  std::string_view text;
  Header header;
};

struct Code {
  std::string_view code; ///< kind and bytes
  DType dtype;
};
constexpr Code codes[] = {
    {"f2", DType::f16}, {"f4", DType::f32}, {"f8", DType::f64},
    {"i1", DType::i8},  {"i2", DType::i16}, {"i4", DType::i32},
    {"i8", DType::i64}, {"u1", DType::u8},  {"b1", DType::i1},
};

/// What a kind letter that we do not read stands for.
std::string_view kindName(char kind) {
  switch (kind) {
  case 'c':
    return "complex numbers";
  case 'O':
    return "Python objects";
  case 'S':
  case 'a':
  case 'U':
    return "text";
  case 'M':
    return "dates";
  case 'm':
    return "time differences";
  case 'V':
    return "raw bytes";
  case 'u':
    return "unsigned integers of this width";
  case 'f':
    return "floats of this width";
  default:
    return "an element type that is not supported";
  }
}

Result<DType> parseElementType(const std::string &descr,
                               std::optional<DType> wanted) {
  std::string_view code = descr;
  bool ordered = !code.empty() && std::string_view("<>|=").find(code[0]) !=
                                      std::string_view::npos;
  char order = ordered ? code[0] : '|';
  code.remove_prefix(ordered);
  if (order == '>' && !code.ends_with('1'))
    return unsupported("it is big-endian ('" + shown(descr) +
                       "'); save it little-endian");
  if (wanted == DType::bf16 && (code == "V2" || code == "u2" || code == "i2"))
    return DType::bf16;
  for (const Code &known : codes)
    if (known.code == code)
      return known.dtype;
  if (code == "V2")
    return unsupported("it holds '" + shown(descr) +
                       "', 2-byte words without a type (numpy has no bf16): "
                       "they are read only where bf16 is asked for");
  return unsupported("it holds '" + shown(descr) + "', " +
                     std::string(kindName(code.empty() ? '?' : code[0])) +
                     "; read are f2 f4 f8 i1 i2 i4 i8 u1 b1, and V2 as bf16");
}

std::string formatShape(const std::vector<int64_t> &shape) {
  std::string text = "(";
  for (int64_t extent : shape)
    text += std::to_string(extent) + (shape.size() == 1 ? "," : ", ");
  if (shape.size() > 1)
    text.resize(text.size() - 2);
  return text + ")";
}

/// The bytes of the elements. The product of all extents but those of 0 fits
/// too, so that no stride overflows.
Result<int64_t> countBytes(const std::vector<int64_t> &shape, DType dtype) {
  int64_t bytes = byteWidth(dtype);
  bool empty = false;
  for (int64_t extent : shape) {
    empty |= extent == 0;
    if (extent != 0 && __builtin_mul_overflow(bytes, extent, &bytes))
      return corrupt("its shape " + formatShape(shape) +
                     " makes more bytes than 64 bits count");
  }
  return empty ? 0 : bytes;
}

/// Reads exactly `count` bytes or fails.
bool readBytes(std::istream &file, void *to, int64_t count) {
  return static_cast<bool>(file.read(static_cast<char *>(to), count));
}

Result<Header> readHeader(std::istream &file, int64_t fileBytes) {
  char start[8];
  if (!readBytes(file, start, sizeof(start)) ||
      std::string_view(start, magic.size()) != magic)
    return corrupt("it is no .npy file");
  int version = static_cast<unsigned char>(start[6]);
  if (version < 1 || version > 3)
    return unsupported("it is .npy version " + std::to_string(version) +
                       "; versions 1 to 3 are read");
  unsigned char length[4] = {};
  if (!readBytes(file, length, version == 1 ? 2 : 4))
    return corrupt("it ends inside its header");
  int64_t headerBytes = length[0] | length[1] << 8 | length[2] << 16 |
                        static_cast<int64_t>(length[3]) << 24;
  if (headerBytes > fileBytes - file.tellg())
    return corrupt("it ends inside its header");
  std::string text(static_cast<size_t>(headerBytes), '\0');
  if (!readBytes(file, text.data(), headerBytes))
    return corrupt("it ends inside its header");
  return HeaderParser(text).parse();
}

Result<Array> readElements(std::istream &file, int64_t fileBytes, Header header,
                           std::optional<DType> wanted) {
  Result<DType> dtype = parseElementType(header.descr, wanted);
  if (!dtype)
    return std::move(dtype).error();
  if (header.fortranOrder && header.shape.size() > 1)
    return unsupported("it is in Fortran order; save it with "
                       "numpy.ascontiguousarray");
  if (header.shape.size() > maxRank)
    return unsupported("it has " + std::to_string(header.shape.size()) +
                       " dimensions; at most " + std::to_string(maxRank) +
                       " are read");
  Result<int64_t> bytes = countBytes(header.shape, *dtype);
  if (!bytes)
    return std::move(bytes).error();
  int64_t there = fileBytes - file.tellg();
  if (there != *bytes)
    return corrupt("its shape " + formatShape(header.shape) + " of '" +
                   header.descr + "' takes " + std::to_string(*bytes) +
                   " bytes, but " + std::to_string(there) +
                   " follow the header");
  Array array;
  array.dtype = *dtype;
  array.shape = std::move(header.shape);
  array.bytes.resize(static_cast<size_t>(*bytes));
  if (!readBytes(file, array.bytes.data(), *bytes))
    return Error(ErrorCode::failed, "it cannot be read to its end");
  if (array.dtype == DType::i1)
    for (std::byte &byte : array.bytes)
      byte = std::byte(byte != std::byte(0));
  return array;
}
} // namespace

Result<Array> readNpy(const std::string &path, std::optional<DType> wanted) {
  std::error_code failure;
  fs::file_status status = fs::status(path, failure);
  if (!fs::exists(status))
    return Error(ErrorCode::notFound, path + ": no such file");
  if (!fs::is_regular_file(status))
    return Error(ErrorCode::badInput, path + ": not a regular file");
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file)
    return Error(ErrorCode::failed, path + ": " + std::strerror(errno));
  int64_t fileBytes = file.tellg();
  file.seekg(0);
  Result<Header> header = readHeader(file, fileBytes);
  if (!header)
    return std::move(header).error().in(path);
  Result<Array> array =
      readElements(file, fileBytes, std::move(*header), wanted);
  if (!array)
    return std::move(array).error().in(path);
  return array;
}

namespace {
std::string descrOf(DType dtype) {
  if (dtype == DType::bf16)
    return "<V2";
  const Code *code = std::find_if(std::begin(codes), std::end(codes),
                                  [=](Code c) { return c.dtype == dtype; });
  return (byteWidth(dtype) == 1 ? "|" : "<") + std::string(code->code);
}

/// Magic, version, length and dictionary, padded so that the elements start at
/// a multiple of 64.
std::string formatHeader(const Array &array) {
  std::string text =
      "{'descr': '" + descrOf(array.dtype) +
      "', 'fortran_order': False, 'shape': " + formatShape(array.shape) + ", }";
  size_t start = magic.size() + 4;
  text.resize((start + text.size() + 1 + 63) / 64 * 64 - start - 1, ' ');
  text += '\n';
  std::string header(magic);
  header += {'\1', '\0', static_cast<char>(text.size() & 0xff),
             static_cast<char>(text.size() >> 8)};
  return header + text;
}

Status writeBytes(const fs::path &path, const Array &array) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  std::string header = formatHeader(array);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  file.write(reinterpret_cast<const char *>(array.bytes.data()),
             static_cast<std::streamsize>(array.bytes.size()));
  file.close();
  if (!file)
    return Error(ErrorCode::failed,
                 path.string() + ": cannot write: " + std::strerror(errno));
  return Success();
}
} // namespace

Status writeNpy(const std::string &path, const Array &array) {
  std::error_code failure;
  fs::path target = path;
  if (fs::is_symlink(target, failure))
    if (fs::path resolved = fs::canonical(target, failure); !failure)
      target = resolved;
  // A device or a pipe must not be replaced by a file.
  fs::file_status status = fs::status(target, failure);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    if (fs::is_directory(status))
      return Error(ErrorCode::badInput, path + ": is a directory");
    return writeBytes(target, array);
  }
  fs::path part = target;
  part += ".part" + std::to_string(getpid());
  Status written = writeBytes(part, array);
  if (written) {
    fs::rename(part, target, failure);
    if (!failure)
      return Success();
    written =
        Error(ErrorCode::failed, path + ": cannot write: " + failure.message());
  }
  fs::remove(part, failure);
  return written;
}

} // namespace headgate
