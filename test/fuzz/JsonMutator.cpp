// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Mutates JSON by its words: a string or number takes the place of another one,
// so that most mutants are still JSON and break a rule between its parts. One
// in four is left to libFuzzer, which mutates bytes.

#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// The strings and numbers of `text`.
static std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> result;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    if (text[at] == '"') {
      while (end < text.size() && text[end] != '"')
        end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
      result.push_back(text.substr(at, end - at));
    } else if (std::string_view("-0123456789").find(text[at]) != text.npos) {
      end = text.find_first_not_of("-+.eE0123456789", at);
      result.push_back(text.substr(at, end - at));
    }
    at = std::min(end, text.size());
  }
  return result;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size,
                                          size_t maxSize, unsigned int seed) {
  std::minstd_rand random(seed);
  std::string text(reinterpret_cast<const char *>(data), size);
  std::vector<std::string_view> list = words(text);
  if (random() % 4 == 0 || list.size() < 2)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::string_view from = list[random() % list.size()];
  std::string to(list[random() % list.size()]);
  std::string mutant = text;
  mutant.replace(static_cast<size_t>(from.data() - text.data()), from.size(),
                 to);
  if (mutant.size() > maxSize)
    return LLVMFuzzerMutate(data, size, maxSize);
  std::memcpy(data, mutant.data(), mutant.size());
  return mutant.size();
}
