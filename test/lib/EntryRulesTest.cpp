// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The rules of a plan's entries, each broken once on the documented example.

#include "lib/CheckPlan.h"
#include "lib/PlanText.h"
#include "test/lib/DocExamples.h"

namespace headgate::test {
namespace {

/// What is wrong with the example once its first `from` is `to`.
std::string refusal(const std::string &from, const std::string &to) {
  auto plan = parsePlan(edited(examplePlan(), from, to));
  if (plan)
    return "it was read";
  EXPECT_EQ(plan.error().code(), ErrorCode::corrupt);
  return plan.error().message();
}

struct Rule {
  const char *from, *to, *message;
};

void check(std::initializer_list<Rule> rules) {
  for (const Rule &rule : rules)
    EXPECT_EQ(refusal(rule.from, rule.to),
              "entries[0]." + std::string(rule.message))
        << rule.from << " -> " << rule.to;
}

TEST(EntryRules, Dims) {
  check({
      {"\"S\": [0, 1048576]", "\"S\": [-1, 1048576]",
       "dims.S[0]: expected an integer from 0 to 140737488355328, found -1"},
      {"\"S\": [0, 1048576]", "\"S\": [9, 8]",
       "dims.S[1]: expected an integer from 9 to 140737488355328, found 8"},
      {"\"T\": [0, 1048576]", "\"T\": [0, 140737488355329]",
       "dims.T[1]: expected an integer from 0 to 140737488355328, found "
       "140737488355329"},
      {"\"T\": [0, 1048576]", "\"T\": [0, 1], \"U\": [0, 1]",
       "dims.U: it is the extent of no input"},
      {"\"T\": [0, 1048576]", "\"T\": [0, 1], \"max\": [0, 1]",
       "dims.max: 'max' cannot be the name of a dim"},
      // In an expression it would not be bound.
      {"\"T\": [0, 1048576]", "\"T\": [0, 1], \"S*2\": [0, 1]",
       "dims.S*2: 'S*2' cannot be the name of a dim"},
  });
}

TEST(EntryRules, NamesOfTensorsAreTheirOwn) {
  check({
      {"\"name\": \"k\", \"dtype\"", "\"name\": \"q\", \"dtype\"",
       "inputs[3].name: a second tensor is called 'q'"},
      {"\"name\": \"o\", \"dtype\"", "\"name\": \"q\", \"dtype\"",
       "outputs[0].name: a second tensor is called 'q'"},
      {"\"name\": \"kbar\", \"bytes\"", "\"name\": \"o\", \"bytes\"",
       "temporaries[2].name: a second tensor is called 'o'"},
  });
  auto twice = parsePlan(
      edited(examplePlan(), "\"entries\": [",
             R"("entries": [{"name": "gqe", "inputs": [], "outputs": [],
                             "steps": []}, )"));
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().message(),
            "entries[1].name: a second entry is called 'gqe'");
}

TEST(EntryRules, ShapesAndStrides) {
  check({
      {"[\"B\", \"S\", 8, 2]", "[\"B\", \"S\", 1, 1, 1, 1, 1, 8, 2]",
       "inputs[0].shape: rank 9 is above 8"},
      {"[\"B\", \"S\", 8, 2]", "[\"B\", \"S\", -8, 2]",
       "inputs[0].shape[2]: expected an integer from 0 to 140737488355328, "
       "found -8"},
      {"[\"B\", \"S\", 8, 2]", "[\"B\", \"S+\", 8, 2]",
       "inputs[0].shape[1]: expression 'S+', column 3: expected a number, a "
       "name or '('"},
      {"[\"B\", \"S\", 8, 2]", "[\"B\", \"G\", 8, 2]",
       "inputs[0].shape[1]: expression 'G', column 1: unknown name 'G'"},
      // A stride says nothing about extents.
      {"[\"B\", \"S\", 9, 64]", "[\"B\", \"q.s\", 9, 64]",
       "outputs[0].shape[1]: expression 'q.s', column 1: unknown name 'q.s'"},
      {"[\"S*q.s\", \"q.s\", 128, 64, 1]", "[\"S*q.s\", \"q.s\", 128, 64]",
       "inputs[1].strides: expected 5 strides, found 4"},
      {"[\"S*q.s\", \"q.s\", 128, 64, 1]", "[\"S*q.t\", \"q.s\", 128, 64, 1]",
       "inputs[1].strides[0]: expression 'S*q.t', column 3: unknown name "
       "'q.t'"},
  });
  EXPECT_EQ(refusal("[\"S*q.s\", \"q.s\", 128, 64, 1]",
                    "[\"S*q.s\", \"q.s\", -128, \"T\", 1]"),
            "it was read");
}

TEST(EntryRules, Aliases) {
  const char *output =
      R"({"name": "o", "dtype": "bf16", "shape": ["B", "S", 9, 64]})";
  auto withAlias = [&](const std::string &more) {
    return refusal(output, std::string(output) + ", " + more);
  };
  EXPECT_EQ(withAlias(R"({"name": "p", "dtype": "bf16",
                          "shape": ["B", "T", 8, 64], "alias": "k"})"),
            "it was read");
  EXPECT_EQ(withAlias(R"({"name": "p", "dtype": "bf16",
                          "shape": ["B", "T", 8, 64], "alias": "idx"})"),
            "entries[0].outputs[1].alias: no input 'idx'; there is logits, q, "
            "q_shared, k, v");
  EXPECT_EQ(withAlias(R"({"name": "p", "dtype": "f16",
                          "shape": ["B", "T", 8, 64], "alias": "k"})"),
            "entries[0].outputs[1].alias: 'k' and 'p' have different types or "
            "shapes");
  EXPECT_EQ(withAlias(R"({"name": "p", "dtype": "bf16",
                          "shape": ["B", "T", 4, 128], "alias": "k"})"),
            "entries[0].outputs[1].alias: 'k' and 'p' have different types or "
            "shapes");
  EXPECT_EQ(withAlias(R"({"name": "p", "dtype": "bf16",
                          "shape": ["B", "T", 8, 64], "alias": "k"},
                         {"name": "r", "dtype": "bf16",
                          "shape": ["B", "T", 8, 64], "alias": "k"})"),
            "entries[0].outputs[2].alias: 'k' is listed twice");
  check({{"[\"B\", \"S\", 8, 2]}", "[\"B\", \"S\", 8, 2], \"alias\": \"q\"}",
          "inputs[0].alias: only an output has one"}});
}

TEST(EntryRules, Requirements) {
  check({
      {"\"S <= T\"", "\"S <= U\"",
       "requires[0].that: expression 'S <= U', column 6: unknown name 'U'"},
      {"\"causal attention needs at least as many keys as queries\"", "\"\"",
       "requires[0].else: expected a string that is not empty, found \"\""},
  });
}

TEST(EntryRules, Temporaries) {
  check({
      {"\"B*8*S*4\"", "\"B*8*S*\"",
       "temporaries[0].bytes: expression 'B*8*S*', column 7: expected a "
       "number, a name or '('"},
      {"\"live\": [0, 2]", "\"live\": [-1, 2]",
       "temporaries[0].live[0]: expected an integer from 0 to 3, found -1"},
      {"\"live\": [0, 2]", "\"live\": [0, 4]",
       "temporaries[0].live[1]: expected an integer from 0 to 3, found 4"},
      {"\"live\": [0, 2]", "\"live\": [2, 1]",
       "temporaries[0].live[1]: expected an integer from 2 to 3, found 1"},
      // The arena may have given its place to another one.
      {"\"live\": [0, 2]", "\"live\": [0, 1]",
       "steps[2].with.idx: temporary 'idx' does not live in step 2"},
      {"\"live\": [1, 2]", "\"live\": [2, 2]",
       "steps[1].with.kbar: temporary 'kbar' does not live in step 1"},
  });
  auto stepless = parsePlan(R"({"format": "headgate.plan", "version": 1,
    "images": [], "kernels": [], "entries": [{"name": "e", "inputs": [],
      "outputs": [], "steps": [],
      "temporaries": [{"name": "t", "bytes": "1", "live": [0, 0]}]}]})");
  ASSERT_FALSE(stepless);
  EXPECT_EQ(stepless.error().message(),
            "entries[0].temporaries[0].live: the entry has no steps");
}

TEST(EntryRules, Steps) {
  check({
      {"\"kernel\": \"select\"", "\"kernel\": \"selct\"",
       "steps[0].kernel: no kernel 'selct'; there is select, mean_kv, attend, "
       "combine (did you mean 'select'?)"},
      {"\"logits\": \"logits\", ", "",
       "steps[0].with: parameter 'logits' of kernel 'select' is missing"},
      {"\"logits\": \"logits\", ", "\"logits\": \"logits\", \"x\": \"q\", ",
       "steps[0].with.x: no parameter 'x'; there is logits, idx, w, eps, N"},
      {"\"logits\": \"logits\"", "\"logits\": \"logit\"",
       "steps[0].with.logits: no tensor or temporary 'logit'; there is logits, "
       "q, q_shared, k, v, o, idx, w, kbar, vbar (did you mean 'logits'?)"},
      // A pointer is a name, not an expression, and a size is no tensor.
      {"\"logits\": \"logits\"", "\"logits\": \"B\"",
       "steps[0].with.logits: no tensor or temporary 'B'; there is logits, q, "
       "q_shared, k, v, o, idx, w, kbar, vbar"},
      {"\"N\": \"B*S\"", "\"N\": \"idx\"",
       "steps[0].with.N: expression 'idx', column 1: unknown name 'idx'"},
      {"\"1e-6\"", "\"1e-6x\"", "steps[0].with.eps: '1e-6x' is not a number"},
      {"\"1e-6\"", "\"B\"", "steps[0].with.eps: 'B' is not a number"},
      {"\"1e-6\"", "\"1e99\"", "steps[0].with.eps: '1e99' is not a number"},
  });
}

TEST(EntryRules, Scopes) {
  auto plan = parsePlan(examplePlan());
  ASSERT_TRUE(plan) << plan.error().message();
  EXPECT_EQ(scopeNames(plan->entries[0]),
            (std::vector<std::string>{"B", "S", "T", "q.s"}));
  EXPECT_EQ(scalarNames(plan->kernels[2]),
            (std::vector<std::string>{"B", "S", "T", "q.s"}));
  EXPECT_EQ(scalarNames(plan->kernels[0]), (std::vector<std::string>{"N"}));
}

// A plan that was not read but built, as the compiler does.
TEST(EntryRules, HoldForBuiltPlansToo) {
  auto plan = parsePlan(examplePlan());
  ASSERT_TRUE(plan);
  EXPECT_TRUE(checkPlan(*plan));
  plan->entries[0].steps[0].with.push_back({"N", "B"});
  Status done = checkPlan(*plan);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(),
            "entries[0].steps[0].with.N: a second operand is called 'N'");
  plan->entries[0].steps[0].with.pop_back();
  plan->kernels[0].variants[0].launches[0].symbol = "";
  done = checkPlan(*plan);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message(),
            "kernels[0].variants[0].launches[0].symbol: a launch has a symbol");
}

} // namespace
} // namespace headgate::test
