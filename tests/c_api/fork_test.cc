// A forked child has the parent's handles and none of their threads: it is told so, nothing waits for ever, and what needs no
// threads goes on.
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <string>
#include <thread>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

// Runs `body` in a forked child and returns what it returned; "hangs" where that takes longer than a minute.
std::string InChild(const std::function<std::string()>& body) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const std::string text = body();
    const ssize_t written = write(ends[1], text.data(), text.size());
    _exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string text;
  char buffer[4096];
  pollfd waiting{ends[0], POLLIN, 0};
  while (true) {
    if (poll(&waiting, 1, 60'000) <= 0) {
      kill(child, SIGKILL);
      text = "hangs";
      break;
    }
    const ssize_t n = read(ends[0], buffer, sizeof(buffer));
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 || text == "hangs" ? text : "died with status " + std::to_string(status) + " after: " + text;
}

// The error of each call, "|" behind each.
std::string EachError(std::initializer_list<std::function<hlm_error*()>> calls) {
  std::string text;
  for (const auto& call : calls) text += Text(call()) + "|";
  return text;
}

std::string Told(const char* what) {
  return std::string("FAILED_PRECONDITION: ") + what + " was made in process " + std::to_string(getpid()) +
         " and has no threads in its forked child ";
}

// Every entry begins so, and there are `n`.
void ExpectTold(const std::string& text, const char* what, int n) {
  const std::string told = Told(what);
  size_t at = 0;
  for (int i = 0; i < n; ++i) {
    EXPECT_EQ(text.compare(at, told.size(), told), 0) << "call " << i << ": " << text;
    at = text.find('|', at);
    ASSERT_NE(at, std::string::npos) << text;
    ++at;
  }
  EXPECT_EQ(at, text.size()) << text;
}

TEST(Fork, ATrainerOfTheParentIsRefusedAndFreedWithoutWaiting) {
  Trainer trainer = TinyTrainer();
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  ASSERT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
  const std::string folder = testing::TempDir() + "/forked";
  const std::string text = InChild([&] {
    const std::string errors = EachError({
        [&] { return hlm_trainer_step(trainer.get(), &batch, nullptr); },
        [&] { return hlm_trainer_evaluate(trainer.get(), &batch, nullptr, nullptr); },
        [&] { return hlm_trainer_finish(trainer.get()); },
        [&] { return hlm_trainer_set_deadline(trainer.get(), 1); },
        [&] { return hlm_trainer_save_model(trainer.get(), folder.c_str(), nullptr); },
    });
    hlm_trainer_cancel(trainer.get());
    hlm_trainer_destroy(trainer.release());
    return errors;
  });
  ExpectTold(text, "the trainer", 5);
  EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr)) << "the parent goes on";
}

TEST(Fork, AsIsOneThatAnotherThreadWasIn) {
  hlm_plan_options options = TinyPlanOptions();
  options.batch_size = 64, options.seq_len = 64;
  Trainer trainer = TinyTrainer(options);
  Documents documents;
  documents.offsets.push_back(0);
  for (int i = 1; i <= 64 * 64; ++i) {
    documents.ids.push_back(i % kVocab);
    if (i % 64 == 0) documents.offsets.push_back(i);
  }
  std::atomic<bool> stop{false};
  std::thread stepping([&] {
    const hlm_batch batch = documents.Get();
    while (!stop) EXPECT_OK(hlm_trainer_step(trainer.get(), &batch, nullptr));
  });
  for (int i = 0; i < 20; ++i) {
    const std::string text = InChild([&] {
      const std::string errors = EachError({[&] { return hlm_trainer_finish(trainer.get()); }});
      hlm_trainer_destroy(trainer.release());
      return errors;
    });
    ExpectTold(text, "the trainer", 1);
  }
  stop = true;
  stepping.join();
}

TEST(Fork, AnOptimizerOfTheParentIsRefused) {
  hlm_optimizer_options options;
  hlm_optimizer_options_init(&options);
  options.threads = 4;
  hlm_optimizer* made = nullptr;
  ASSERT_OK(hlm_optimizer_create(&options, &made));
  Optimizer optimizer(made);
  std::vector<float> weight(5000, 1.0f), first(5000), second(5000), gradient(5000, 0.5f);
  hlm_optimizer_arrays arrays;
  hlm_optimizer_arrays_init(&arrays);
  arrays.n = 5000;
  arrays.weight = weight.data(), arrays.first_moment = first.data(), arrays.second_moment = second.data(),
  arrays.gradient = gradient.data();
  arrays.gradient_dtype = HLM_DTYPE_F32;
  const auto update = [&] { return hlm_optimizer_step(optimizer.get(), 1, 1e-3, 1.0, &arrays); };
  ASSERT_OK(update());
  const std::string text = InChild([&] {
    const std::string errors = EachError({update, update});
    hlm_optimizer_destroy(optimizer.release());
    return errors;
  });
  ExpectTold(text, "the optimizer", 2);
  EXPECT_OK(update());
}

TEST(Fork, KeptWeightsAreFreedWithoutWaiting) {
  Trainer trainer = TinyTrainer([] {
    hlm_plan_options options = TinyPlanOptions();
    options.frozen_copies = 1;
    return options;
  }());
  hlm_weights* weights = nullptr;
  ASSERT_OK(hlm_trainer_keep_weights(trainer.get(), &weights));
  EXPECT_EQ(InChild([&] {
              hlm_weights_destroy(weights);
              hlm_trainer_destroy(trainer.release());
              return std::string("freed");
            }),
            "freed");
  hlm_weights_destroy(weights);
}

// Models and plans are memory and files; a trainer that the child makes has threads of its own.
TEST(Fork, TheChildMakesItsOwnTrainerFromTheParentsModelAndPlan) {
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  const Documents documents = TinyDocuments();
  const hlm_batch batch = documents.Get();
  const auto losses = [&] {
    hlm_trainer* made = nullptr;
    std::string text = Text(hlm_trainer_create(model.get(), plan.get(), nullptr, &made));
    if (!text.empty()) return text;
    const Trainer trainer(made);
    for (int i = 0; i < 3; ++i) {
      hlm_step_metrics metrics;
      hlm_step_metrics_init(&metrics);
      text += Text(hlm_trainer_step(trainer.get(), &batch, &metrics));
      char digits[40];
      std::snprintf(digits, sizeof(digits), "%a ", metrics.loss);
      text += digits;
    }
    return text;
  };
  const std::string own = losses();
  EXPECT_EQ(own.find(':'), std::string::npos) << own;
  EXPECT_EQ(InChild(losses), own);
  EXPECT_EQ(InChild([&] { return InChild(losses); }), own) << "and its child";
  EXPECT_EQ(InChild([] {
              char* json = nullptr;
              const std::string text = Text(hlm_device_list(&json));
              hlm_string_destroy(json);
              return "listed" + text;
            }),
            "listed");
}

}  // namespace
}  // namespace hlm_test
