// A process that may have little more memory than it has: whatever cannot be had, a thread or its stack as well, is RESOURCE_EXHAUSTED.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/c_api/handles.h"

namespace hlm_test {
namespace {

// Allows this process so many bytes more than it has.
void Limit(size_t bytes) {
  size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlimit limit{pages * static_cast<size_t>(sysconf(_SC_PAGESIZE)) + bytes, RLIM_INFINITY};
  setrlimit(RLIMIT_AS, &limit);
}

// 0: made and destroyed; 1: RESOURCE_EXHAUSTED; 2: another error.
int MakeTrainer(const hlm_model* model, const hlm_plan* plan, size_t bytes) {
  Limit(bytes);
  hlm_trainer* trainer = nullptr;
  hlm_error* error = hlm_trainer_create(model, plan, nullptr, &trainer);
  const int result = error == nullptr ? 0 : hlm_error_code(error) == HLM_RESOURCE_EXHAUSTED ? 1 : 2;
  hlm_error_destroy(error);
  hlm_trainer_destroy(trainer);
  return result;
}

TEST(Memory, ATrainerThatFindsNoneIsRefused) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers take address space of their own";
#endif
  const Model model = TinyModel();
  const Plan plan = TinyPlan(model.get());
  bool refused = false;
  for (size_t mebibytes = 1; mebibytes <= 128; mebibytes += mebibytes < 16 ? 1 : 8) {
    const pid_t child = fork();
    if (child == 0) _exit(MakeTrainer(model.get(), plan.get(), mebibytes << 20));
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status)) << mebibytes << " MiB: ended by signal " << WTERMSIG(status);
    EXPECT_LE(WEXITSTATUS(status), 1) << mebibytes << " MiB";
    refused = refused || WEXITSTATUS(status) == 1;
  }
  EXPECT_TRUE(refused);
}

}  // namespace
}  // namespace hlm_test
