// Saving beside training and going on from it: the bits of a run that was broken off are those of one that was not.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/io/file.h"
#include "tests/equivalence/run.h"
#include "tests/support/code_of.h"

namespace hlm {
namespace {

namespace fs = std::filesystem;

std::string Folder(const std::string& name) {
  const std::string path = testing::TempDir() + "/" + name;
  fs::remove_all(path);
  return path;
}

RunSetup BaseSetup(DType compute = DType::kBF16) {
  RunSetup setup;
  setup.config = TinyConfig(true, true, 3);
  setup.plan.compute = compute;
  setup.plan.batch_size = 6;
  setup.plan.seq_len = 12;
  setup.plan.micro_batch = 2;
  setup.trainer.schedule.lr = 1e-2;
  setup.steps = 6;
  return setup;
}

// Saves after `at` steps of a run, then runs `rest` from there; both together must be `whole`.
void ExpectGoesOn(const RunSetup& first, const RunSetup& rest, const std::string& folder, int64_t at, bool background = true) {
  const RunResult whole = Train(first);
  RunSetup saving = first;
  saving.after_step = [&](Trainer& trainer, int64_t done) {
    if (done == at) trainer.Save(folder, {.background = background});
  };
  const RunResult saved = Train(saving);  // the trainer's end waits for the save
  ExpectSameBits(whole, saved);

  RunSetup resumed = rest;
  resumed.first_step = at;
  resumed.before_steps = [&](Trainer& trainer) {
    const auto json = nlohmann::json::parse(trainer.Resume(folder, false));
    EXPECT_EQ(json["step"], at);
    EXPECT_EQ(json["user_data"], nullptr);
    EXPECT_TRUE(json["passed_over"].empty());
  };
  RunResult tail = Train(resumed);
  RunResult expected = whole;
  expected.losses.erase(expected.losses.begin(), expected.losses.begin() + at);
  expected.norms.erase(expected.norms.begin(), expected.norms.begin() + at);
  ExpectSameBits(expected, tail);
}

TEST(Checkpoint, ARunGoesOnBitForBit) {
  for (const DType compute : {DType::kF32, DType::kBF16}) {
    for (const Timing timing : {Timing::kNextForward, Timing::kBackward, Timing::kSerial}) {
      for (const int64_t snapshot : {int64_t{0}, int64_t{60'000}, int64_t{1} << 24}) {
        SCOPED_TRACE(StrCat(Name(compute), " ", Name(timing), " snapshot ", snapshot));
        RunSetup setup = BaseSetup(compute);
        setup.plan.timing = timing;
        setup.plan.snapshot_bytes = snapshot;
        if (timing == Timing::kBackward) setup.plan.grad_clip = 0;
        ExpectGoesOn(setup, setup, Folder("goes_on"), 3);
      }
    }
  }
}

TEST(Checkpoint, OtherMemoryOptionsChangeNoBit) {
  RunSetup first = BaseSetup(), rest = BaseSetup();
  first.plan.max_part_bytes = 4096 * 4;
  rest.plan.max_part_bytes = 4096 * 16;
  rest.plan.activations = Activations::kRecompute;
  rest.plan.slots = 1, rest.plan.prefetch = 0, rest.plan.ring = 2;
  rest.plan.timing = Timing::kSerial;
  rest.plan.optimizer_threads = 3;
  rest.plan.snapshot_bytes = 1 << 20;
  ExpectGoesOn(first, rest, Folder("other_options"), 2);
}

// A unit is one file however it is cut, and its pieces are safe at different times.
TEST(Checkpoint, OtherPiecesChangeNoBit) {
  for (const Timing timing : {Timing::kNextForward, Timing::kBackward}) {
    for (const int64_t snapshot : {int64_t{0}, int64_t{300'000}, int64_t{1} << 24}) {
      SCOPED_TRACE(StrCat(Name(timing), " snapshot ", snapshot));
      RunSetup first = BaseSetup();
      first.seams = Seams::kEverywhere;
      first.plan.timing = timing;
      if (timing == Timing::kBackward) first.plan.grad_clip = 0;
      first.plan.snapshot_bytes = snapshot;
      RunSetup rest = first;
      first.plan.max_piece_bytes = 1;
      rest.plan.max_piece_bytes = 3 * kPieceAlign * 2;
      ExpectGoesOn(first, rest, Folder("other_pieces"), 3);
    }
  }
}

TEST(Checkpoint, EveryKindOfStateGoesOn) {
  int kinds = 0;
  for (const Algorithm algorithm : {Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion}) {
    for (const StateType states : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
      for (const bool remainder : {true, false}) {
        SCOPED_TRACE(StrCat(Name(algorithm), " ", Name(states), remainder ? " split" : " none"));
        RunSetup setup = BaseSetup();
        setup.plan.optimizer = algorithm;
        setup.plan.states = states;
        setup.plan.remainder = remainder;
        setup.trainer.schedule.lr = 1e-3;
        // Kinds that the optimizer does not have are none of a checkpoint's business.
        if (CodeOf([&] { Train(setup); }) == Code::kUnimplemented) continue;
        ++kinds;
        ExpectGoesOn(setup, setup, Folder("states"), 3);
      }
    }
  }
  EXPECT_GE(kinds, 1);
}

TEST(Checkpoint, ManySavesKeepTheNewest) {
  const std::string folder = Folder("many");
  RunSetup setup = BaseSetup();
  setup.after_step = [&](Trainer& trainer, int64_t) { trainer.Save(folder, {.keep = 2, .user_data = "here"}); };
  setup.after_steps = [&](Trainer& trainer) {
    EXPECT_TRUE(trainer.SaveWait(-1));
    EXPECT_EQ(CodeOf([&] { trainer.Resume(folder + "/missing", false); }), Code::kNotFound);
    const auto json = nlohmann::json::parse(trainer.Resume(folder, false));
    EXPECT_EQ(json["step"], 6);
    EXPECT_EQ(json["user_data"], "here");
  };
  Train(setup);
  int64_t folders = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    EXPECT_TRUE(entry.path().filename() == "step-000000000005" || entry.path().filename() == "step-000000000006") << entry.path();
    ++folders;
  }
  EXPECT_EQ(folders, 2);
}

TEST(Checkpoint, ADamagedOneIsPassedOverAndAllDamagedIsDataLoss) {
  const std::string folder = Folder("damaged");
  RunSetup setup = BaseSetup();
  setup.after_step = [&](Trainer& trainer, int64_t done) {
    if (done >= 4) trainer.Save(folder, {.background = false});
  };
  const auto damage = [&](const std::string& step) {
    const std::string path = folder + "/step-00000000000" + step + "/block.1.safetensors";
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(9000);
    const char byte = static_cast<char>(file.get() ^ 1);
    file.seekp(9000);
    file.put(byte);
    ASSERT_TRUE(file.good());
  };
  setup.after_steps = [&](Trainer& trainer) {
    damage("6");
    auto json = nlohmann::json::parse(trainer.Resume(folder, false));
    EXPECT_EQ(json["step"], 5);
    ASSERT_EQ(json["passed_over"].size(), 1u);
    EXPECT_NE(json["passed_over"][0]["reason"].get<std::string>().find("block.1"), std::string::npos) << json;
    damage("5");
    EXPECT_EQ(nlohmann::json::parse(trainer.Resume(folder, false))["step"], 4);
    damage("4");
    EXPECT_EQ(CodeOf([&] { trainer.Resume(folder, false); }), Code::kDataLoss);
    // Its state is of no step now.
    std::vector<float> one(1);
    EXPECT_EQ(CodeOf([&] { trainer.ReadTensor("model.norm.weight", TensorKind::kWeight, 0, one.data(), 4); }),
              Code::kFailedPrecondition);
    damage("4");  // the bit flips back
    EXPECT_EQ(nlohmann::json::parse(trainer.Resume(folder, false))["step"], 4);
    trainer.ReadTensor("model.norm.weight", TensorKind::kWeight, 0, one.data(), 4);
  };
  Train(setup);
}

struct Looked {};

TEST(Checkpoint, AnotherModelPrecisionOrNumericsIsRefused) {
  const std::string folder = Folder("another");
  RunSetup setup = BaseSetup();
  setup.after_step = [&](Trainer& trainer, int64_t done) {
    if (done == 2) trainer.Save(folder, {});
  };
  Train(setup);
  const auto refused = [&](const std::function<void(RunSetup&)>& change, const char* word, bool allowed) {
    RunSetup other = BaseSetup();
    other.steps = 0;
    change(other);
    other.before_steps = [&](Trainer& trainer) {
      try {
        trainer.Resume(folder, false);
        ADD_FAILURE() << word;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kFailedPrecondition) << error.message();
        EXPECT_NE(error.message().find(word), std::string::npos) << error.message();
      }
      if (allowed) {
        EXPECT_EQ(nlohmann::json::parse(trainer.Resume(folder, true))["step"], 2);
      } else {
        EXPECT_EQ(CodeOf([&] { trainer.Resume(folder, true); }), Code::kFailedPrecondition);
      }
      throw Looked();  // a run of such a trainer is not the question
    };
    EXPECT_THROW(Train(other), Looked);
  };
  refused([](RunSetup& s) { s.config = TinyConfig(true, true, 2); }, "model", false);
  refused([](RunSetup& s) { s.plan.compute = DType::kF32; }, "compute", false);
  refused([](RunSetup& s) { s.plan.states = StateType::kBF16; }, "states", false);
  refused([](RunSetup& s) { s.plan.micro_batch = 3; }, "micro_batch_tokens", true);
  refused([](RunSetup& s) { s.plan.grad_dtype = DType::kF32; }, "grad_dtype", true);
}

TEST(Checkpoint, AnAccumulatedGradientIsNotSaved) {
  RunSetup setup = BaseSetup();
  setup.after_steps = [&](Trainer& trainer) {
    Batch batch;
    const std::vector<int32_t> ids = {1, 2, 3};
    const std::vector<int64_t> offsets = {0, 3};
    batch.ids = ids, batch.offsets = offsets;
    trainer.Accumulate(batch);
    EXPECT_EQ(CodeOf([&] { trainer.Save(Folder("accumulated"), {}); }), Code::kFailedPrecondition);
    trainer.Discard();
    trainer.Save(Folder("accumulated"), {.background = false});
  };
  Train(setup);
}

int FailOnWrite(const char* verb, const char* path) {
  return std::string(verb) == "write" && std::string(path).find("block.2") != std::string::npos ? ENOSPC : 0;
}

TEST(Checkpoint, AFullDiskFailsTheSaveAndNotTheTraining) {
  const std::string folder = Folder("full");
  RunSetup setup = BaseSetup();
  const RunResult whole = Train(setup);
  int64_t failures = 0;
  setup.after_step = [&](Trainer& trainer, int64_t done) {
    internal::SetFileFault(done == 3 || done == 4 ? FailOnWrite : nullptr);
    trainer.Save(folder, {});
    try {
      trainer.SaveWait(-1);
    } catch (const Error& error) {
      ++failures;
      EXPECT_EQ(error.code(), Code::kResourceExhausted);
      EXPECT_NE(error.message().find("block.2"), std::string::npos) << error.message();
      EXPECT_TRUE(trainer.SaveWait(0)) << "said once";
    }
  };
  setup.after_steps = [&](Trainer& trainer) { EXPECT_EQ(nlohmann::json::parse(trainer.Resume(folder, false))["step"], 6); };
  ExpectSameBits(whole, Train(setup));
  EXPECT_EQ(failures, 2);
  EXPECT_FALSE(fs::exists(folder + "/step-000000000003"));
  EXPECT_TRUE(fs::exists(folder + "/step-000000000005"));
}

}  // namespace
}  // namespace hlm
