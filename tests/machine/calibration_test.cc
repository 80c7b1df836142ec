// What was measured once is kept in a file, and a damaged line is measured anew.
#include "core/machine/calibration.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/cpu/cpu_device.h"
#include "core/machine/host_rate.h"
#include "core/machine/link_rates.h"

namespace hlm {
namespace {

class Calibration : public testing::Test {
 protected:
  void SetUp() override {
    setenv("HORIZON_LM_CALIBRATION", path_.c_str(), 1);
    unlink(path_.c_str());
  }
  void TearDown() override { unsetenv("HORIZON_LM_CALIBRATION"); }
  void Write(const std::string& text) const { std::ofstream(path_) << text; }
  std::string Text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  const std::string path_ = testing::TempDir() + "/calibration.txt";
};

TEST_F(Calibration, AValueIsMadeOnceAndKept) {
  int made = 0;
  const auto make = [&] { return "of " + std::to_string(++made) + "\tand\na line\\"; };
  bool kept = false;
  const std::string first = CalibrationFile().Get("key", make, &kept);
  EXPECT_TRUE(kept);
  EXPECT_EQ(CalibrationFile().Get("key", make, &kept), first);
  EXPECT_EQ(made, 1);
  EXPECT_NE(CalibrationFile().Get("key of another", make, &kept), first);
  EXPECT_EQ(made, 2);
}

TEST_F(Calibration, WithoutAFileEveryValueIsMade) {
  for (const char* path : {"", "/nowhere/at/all"}) {
    setenv("HORIZON_LM_CALIBRATION", path, 1);
    int made = 0;
    bool kept = true;
    for (int i = 0; i < 2; ++i)
      CalibrationFile().Get(
          "key", [&] { return std::to_string(++made); }, &kept);
    EXPECT_FALSE(kept) << path;
    EXPECT_EQ(made, 2) << path;
  }
}

TEST_F(Calibration, WhatCannotBeMeasuredIsNotKept) {
  bool kept = true;
  const auto fails = [&] {
    return CalibrationFile().Get(
        "key", []() -> std::string { throw std::string("no device"); }, &kept);
  };
  EXPECT_THROW(fails(), std::string);
  EXPECT_EQ(Text(), "");
  EXPECT_EQ(CalibrationFile().Get(
                "key", [] { return std::string("7"); }, &kept),
            "7");  // nobody holds the file
}

TEST_F(Calibration, RatesOfADeviceComeFromTheFile) {
  Write("rates|a device\t1e9 2e9 3e9 4e9 5e12 6e12\n");
  const DeviceRates rates = CalibratedRates("a device", []() -> std::unique_ptr<Device> { throw std::string("it is measured"); });
  EXPECT_EQ(rates.up, 1e9);
  EXPECT_EQ(rates.down, 2e9);
  EXPECT_EQ(rates.both, 3e9);
  EXPECT_EQ(rates.copy, 4e9);
  EXPECT_EQ(rates.product_bf16, 5e12);
  EXPECT_EQ(rates.product_f32, 6e12);
  for (const char* damaged : {"1e9 2e9 3e9 4e9 5e12", "1e9 2e9 3e9 4e9 5e12 -6e12", "none"}) {
    Write(std::string("rates|a device\t") + damaged + "\n");
    const auto measured = [] { CalibratedRates("a device", []() -> std::unique_ptr<Device> { throw std::string("measured"); }); };
    EXPECT_THROW(measured(), std::string) << damaged;
  }
}

TEST_F(Calibration, RatesOfLinksAndMemoryAreMeasuredOnce) {
  int made = 0;
  const auto make = [&] {
    ++made;
    CpuDeviceOptions options;
    options.threads = 1;
    std::vector<std::unique_ptr<Device>> devices;
    for (int i = 0; i < 2; ++i) devices.push_back(CreateCpuDevice(options));
    return devices;
  };
  const LinkRates first = CalibratedLinks("two", make), second = CalibratedLinks("two", make);
  EXPECT_EQ(made, 1);
  EXPECT_NEAR(first.links, second.links, 1e-5 * first.links);
  EXPECT_NEAR(first.peer, second.peer, 1e-5 * first.peer);
  const double rate = CalibratedHostRate("a host", 1);
  EXPECT_GT(rate, 0);
  EXPECT_EQ(rate, CalibratedHostRate("a host", 1));
  Write("links|two\t0 1e9\nhost memory|1 threads|a host\tfast\n");
  EXPECT_GT(CalibratedLinks("two", make).links, 0);
  EXPECT_EQ(made, 2);
  EXPECT_GT(CalibratedHostRate("a host", 1), 0);
}

}  // namespace
}  // namespace hlm
