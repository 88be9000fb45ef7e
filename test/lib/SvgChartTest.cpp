// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/SvgChart.h"

#include "lib/Report.h"

#include <gtest/gtest.h>

namespace headgate::test {
namespace {

TEST(SvgChart, MarkupIsEscaped) {
  EXPECT_EQ(escapeMarkup("a<b> & \"c\"\n\x01"),
            "a&lt;b&gt; &amp; &quot;c&quot;\n");
}

TEST(SvgChart, Numbers) {
  EXPECT_EQ(formatNumber(1.5), "1.5");
  EXPECT_EQ(formatNumber(2), "2");
  EXPECT_EQ(formatNumber(100), "100");
  EXPECT_EQ(formatNumber(-0.001), "0");
  EXPECT_EQ(formatNumber(0.126), "0.13");
  EXPECT_EQ(formatNs(999), "999 ns");
  EXPECT_EQ(formatNs(1234), "1.23 µs");
  EXPECT_EQ(formatNs(45.6e6), "45.6 ms");
  EXPECT_EQ(formatNs(0.5), "0.50 ns");
}

TEST(SvgChart, ScalesAndTicks) {
  ChartScale linear{0, 10, 100, 0, false};
  EXPECT_EQ(linear(2.5), 75);
  EXPECT_EQ(linear.ticks(5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  ChartScale log{1, 1000, 0, 300, true};
  EXPECT_NEAR(log(10), 100, 1e-9);
  EXPECT_EQ(log.ticks(4), (std::vector<double>{1, 10, 100, 1000}));
  // Less than a decade has round values as well.
  ChartScale narrow{150, 220, 0, 1, true};
  EXPECT_GE(narrow.ticks(5).size(), 3u);
}

// One value, or the same twice, still has an axis.
TEST(SvgChart, ScalesOfOneValue) {
  for (bool isLog : {false, true}) {
    ChartScale scale = scaleOver({5, 5}, 0, 100, isLog);
    EXPECT_LT(scale.low, 5);
    EXPECT_GT(scale.high, 5);
    EXPECT_NEAR(scale(5), 50, 2);
    EXPECT_FALSE(scale.ticks(5).empty());
  }
  EXPECT_FALSE(scaleOver({}, 0, 1, true).ticks(3).empty());
  EXPECT_LT(scaleOver({0, 0}, 0, 1, false).low, 0);
}

} // namespace
} // namespace headgate::test
