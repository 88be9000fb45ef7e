// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "lib/GpuTarget.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

TEST(GpuTarget, Capabilities) {
  EXPECT_EQ(capabilityOf("sm_80"), 80);
  EXPECT_EQ(capabilityOf("sm_90a"), 90);
  EXPECT_EQ(capabilityOf("sm_120"), 120);
  for (const char *other : {"", "host", "sm_", "sm80", "host:x86-64-v3"})
    EXPECT_EQ(capabilityOf(other), 0) << other;
  EXPECT_TRUE(isSpecific("sm_90a"));
  EXPECT_FALSE(isSpecific("sm_90"));
  EXPECT_FALSE(isSpecific("host:aarch64"));
  EXPECT_FALSE(isSpecific(""));
}

// PTX goes up, machine code up within a major version; what is for one
// capability alone goes nowhere.
TEST(GpuTarget, WhatRunsWhere) {
  struct {
    const char *device, *code;
    bool ptx, binary;
  } cases[] = {
      {"sm_80", "sm_80", true, true},    {"sm_86", "sm_80", true, true},
      {"sm_80", "sm_86", false, false},  {"sm_90a", "sm_89", true, false},
      {"sm_90a", "sm_90", true, true},   {"sm_90a", "sm_90a", true, true},
      {"sm_90", "sm_90a", false, false}, {"sm_100a", "sm_90a", false, false},
      {"sm_100a", "sm_90", true, false}, {"sm_80", "host", false, false},
      {"host", "sm_80", false, false},   {"host", "host", false, false}};
  for (const auto &c : cases) {
    EXPECT_EQ(runsCode(c.device, c.code), c.ptx) << c.code << c.device;
    EXPECT_EQ(runsBinary(c.device, c.code), c.binary) << c.code << c.device;
  }
}

} // namespace
} // namespace headgate
