// How fast the optimizer's passes go over memory, beside what a plain copy reaches on the same threads.
//   optim_bench [elements] [threads]        bytes are those that an update must read and write, per element and in all
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

#include "core/base/checked.h"
#include "cpu_optim/optimizer.h"

namespace {

using hlm::DType;

constexpr int kRounds = 7;

// The best of some rounds: what disturbs a pass only makes it slower.
void Report(const char* name, int64_t n, double bytes_per_element, const std::function<void()>& pass) {
  double best = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    pass();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::printf("%-44s %5.0f B/element %8.3f ms %7.2f GB/s %7.3f ns/element\n", name, bytes_per_element, best * 1e3,
              bytes_per_element * static_cast<double>(n) / best / 1e9, best / static_cast<double>(n) * 1e9);
}

}  // namespace

int main(int argc, char** argv) {
  const int64_t n = argc > 1 ? std::atoll(argv[1]) : int64_t{32} << 20;
  const int threads = argc > 2 ? std::atoi(argv[2]) : static_cast<int>(std::thread::hardware_concurrency());
  if (n < 1 || threads < 1) {
    std::fprintf(stderr, "usage: optim_bench [elements] [threads]\n");
    return 2;
  }
  hlm::HostPool pool(threads);
  std::printf("%s, %lld elements, %d threads\n", hlm::OptimizerPath(), static_cast<long long>(n), threads);

  std::vector<float> weight(n, 0.5f), first(n, 0.0f), second(n, 0.0f), gradient(n, 1e-3f);
  std::vector<hlm::bf16_t> hi(n), gradient16(n), sum16(n);
  std::vector<uint16_t> lo(n);
  std::vector<double> norms(hlm::CeilDiv(n, hlm::kNormChunk));
  hlm::SplitMasters(pool, n, weight.data(), hi.data(), lo.data());
  hlm::Convert(pool, n, gradient.data(), DType::kF32, gradient16.data(), DType::kBF16);

  Report("copy f32 (limit)", n, 8, [&] { hlm::Convert(pool, n, gradient.data(), DType::kF32, first.data(), DType::kF32); });
  std::fill(first.begin(), first.end(), 0.0f);

  hlm::UpdateStep step{1, 1e-4, 0.9};
  const auto adamw = [&](const hlm::MasterArray& master, const void* g, DType type) {
    hlm::AdamW(pool, {}, step, n, master, first.data(), second.data(), g, type, true);
    ++step.step;
  };
  Report("AdamW bf16 + remainder, bf16 gradient", n, 26, [&] {
    adamw({nullptr, hi.data(), lo.data()}, gradient16.data(), DType::kBF16);
  });
  Report("AdamW fp32 master, bf16 gradient", n, 26, [&] {
    adamw({weight.data(), nullptr, nullptr}, gradient16.data(), DType::kBF16);
  });
  Report("AdamW fp32 master, fp32 gradient", n, 28, [&] {
    adamw({weight.data(), nullptr, nullptr}, gradient.data(), DType::kF32);
  });

  const auto accumulate = [&](void* sum, DType sum_type, const void* g, DType type, double* chunk_sums) {
    hlm::Accumulate(pool, n, sum, sum_type, g, type, true, 1, 0, chunk_sums);
  };
  Report("accumulate bf16 into fp32", n, 10,
         [&] { accumulate(first.data(), DType::kF32, gradient16.data(), DType::kBF16, nullptr); });
  Report("accumulate bf16 into fp32, with norm", n, 10,
         [&] { accumulate(first.data(), DType::kF32, gradient16.data(), DType::kBF16, norms.data()); });
  Report("accumulate bf16 into bf16 (stochastic)", n, 6,
         [&] { accumulate(sum16.data(), DType::kBF16, gradient16.data(), DType::kBF16, nullptr); });
  Report("accumulate bf16 into bf16, with norm", n, 6,
         [&] { accumulate(sum16.data(), DType::kBF16, gradient16.data(), DType::kBF16, norms.data()); });
  Report("squared norms bf16", n, 2, [&] { hlm::SquaredNorms(pool, n, gradient16.data(), DType::kBF16, norms.data()); });
  Report("squared norms fp32", n, 4, [&] { hlm::SquaredNorms(pool, n, gradient.data(), DType::kF32, norms.data()); });
  Report("convert fp32 to bf16", n, 6,
         [&] { hlm::Convert(pool, n, gradient.data(), DType::kF32, gradient16.data(), DType::kBF16); });
  Report("convert bf16 to fp32", n, 6,
         [&] { hlm::Convert(pool, n, gradient16.data(), DType::kBF16, gradient.data(), DType::kF32); });
  Report("split fp32 masters", n, 8, [&] { hlm::SplitMasters(pool, n, weight.data(), hi.data(), lo.data()); });
  Report("join fp32 masters", n, 8, [&] { hlm::JoinMasters(pool, n, hi.data(), lo.data(), weight.data()); });
  return 0;
}
