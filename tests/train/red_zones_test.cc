#include "core/train/red_zones.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/cpu/cpu_device.h"
#include "tests/equivalence/run.h"

namespace hlm {
namespace {

TEST(RedZones, FindAByteThatWasOverwritten) {
  const auto device = CreateCpuDevice({});
  const auto stream = device->CreateStream("up");
  const Buffer arena = device->Allocate(2048);
  RedZones zones(arena.data(), {{256, 256}, {1024, 512}});
  zones.Paint(*stream);
  arena.data()[0] = arena.data()[255] = arena.data()[512] = arena.data()[1023] = arena.data()[1536] =
      std::byte{1};  // beside the zones
  zones.Check(*stream);
  for (const size_t at : {size_t{256}, size_t{511}, size_t{1024}, size_t{1535}}) {
    const std::byte old = arena.data()[at];
    arena.data()[at] = std::byte{0};
    try {
      zones.Check(*stream);
      ADD_FAILURE() << "byte " << at << " was not missed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kInternal);
      EXPECT_NE(error.message().find(StrCat("byte ", at)), std::string::npos) << error.message();
    }
    arena.data()[at] = old;
  }
}

// Training stays inside its ranges, and the bits are those of a run without zones.
TEST(RedZones, AreNotTouchedByTraining) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const bool tied : {false, true}) {
      RunSetup setup;
      setup.config = TinyConfig(tied, true, 3);
      setup.plan.compute = compute;
      setup.plan.batch_size = 6;
      setup.plan.seq_len = 12;
      setup.plan.micro_batch = 2;
      setup.red_zone_bytes = 0;
      const RunResult without = Train(setup);
      setup.red_zone_bytes = 512;
      const RunResult with = Train(setup);
      EXPECT_GT(with.plan.devices[0].arena.total, without.plan.devices[0].arena.total);
      ExpectSameBits(without, with);
    }
  }
}

}  // namespace
}  // namespace hlm
