// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The examples of docs/, so that what users read is what tests run.

#ifndef HEADGATE_TEST_LIB_DOCEXAMPLES_H
#define HEADGATE_TEST_LIB_DOCEXAMPLES_H

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

namespace headgate::test {

/// The text of the `index`-th ```json block of a page of docs/.
inline std::string docExample(int index, const std::string &page = "plan.md") {
  std::ifstream file(HEADGATE_DOCS_DIR "/" + page);
  std::ostringstream contents;
  contents << file.rdbuf();
  std::string text = contents.str();
  const std::string fence = "```json\n";
  size_t begin = 0;
  for (int i = 0; i <= index; ++i) {
    begin = text.find(fence, begin);
    if (begin == text.npos) {
      ADD_FAILURE() << "docs/" << page << " has no json block " << index;
      return "";
    }
    begin += fence.size();
  }
  return text.substr(begin, text.find("```", begin) - begin);
}

inline std::string examplePlan() { return docExample(0); }
inline std::string exampleTuning() { return docExample(1); }

/// `text` with its first `from`, which must occur, as `to`.
inline std::string edited(std::string text, const std::string &from,
                          const std::string &to) {
  size_t at = text.find(from);
  if (at == text.npos) {
    ADD_FAILURE() << "the example has no " << from;
    return text;
  }
  return text.replace(at, from.size(), to);
}

} // namespace headgate::test

#endif // HEADGATE_TEST_LIB_DOCEXAMPLES_H
