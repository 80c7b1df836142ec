// How fast the optimizer's passes go over memory. Beside each update stands a plain loop that reads and writes as many arrays of
// the same types on the same threads, in turns with it: the limit. `ratio` is the update's share of the limit.
//   optim_bench [elements] [threads]        bytes are those that a pass must read and write, per element and in all
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/base/checked.h"
#include "cpu_optim/optimizer.h"

namespace {

using hlm::Algorithm;
using hlm::DType;
using hlm::StateType;

constexpr int kRounds = 9;
constexpr int64_t kTile = 65536;  // as the passes' own

double Seconds(const std::function<void()>& pass) {
  const auto start = std::chrono::steady_clock::now();
  pass();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The best of some rounds: what disturbs a pass only makes it slower.
void Report(const std::string& name, int64_t n, double bytes_per_element, const std::function<void()>& pass,
            const std::function<void()>& limit = {}) {
  double best = 1e30, best_limit = 1e30;
  for (int round = 0; round < kRounds; ++round) {
    best = std::min(best, Seconds(pass));
    if (limit) best_limit = std::min(best_limit, Seconds(limit));
  }
  const double bytes = bytes_per_element * static_cast<double>(n);
  std::printf("%-50s %5.1f B/element %8.2f ms %7.2f GB/s %8.1f M/s", name.c_str(), bytes_per_element, best * 1e3,
              bytes / best * 1e-9, static_cast<double>(n) / best * 1e-6);
  if (limit) std::printf("   plain loop %7.2f GB/s  ratio %.2f", bytes / best_limit * 1e-9, best_limit / best);
  std::printf("\n");
  std::fflush(stdout);
}

// Changes every array by what it reads: one fused loop with next to no arithmetic.
template <class G, class... T>
__attribute__((noinline, optimize("O3"))) void Touch(int64_t begin, int64_t end, const G* gradient, T*... arrays) {
#pragma GCC ivdep
  for (int64_t i = begin; i < end; ++i) {
    const G g = gradient[i];
    ((arrays[i] = static_cast<T>(arrays[i] + static_cast<T>(g))), ...);
  }
}

enum class Master { kF32, kSplit, kBf16 };
constexpr const char* kMasterNames[] = {"f32", "split", "bf16"};

class Bench {
 public:
  Bench(int64_t n, int threads)
      : n_(n),
        pool_(threads),
        plain_{std::vector<uint32_t>(n), std::vector<uint32_t>(n), std::vector<uint32_t>(n)},
        plain_lo_(n),
        plain_gradient_(n),
        weight_(n),
        first_(n),
        second_(n),
        gradient_(n),
        gradient16_(n),
        lo_(n),
        scales_(2 * hlm::CeilDiv(n, hlm::kStateBlock)),
        norms_(hlm::CeilDiv(n, hlm::kGradientChunk)) {}

  void Update(Algorithm algorithm, Master master, StateType states, DType gradient) {
    Fill();
    const bool two = hlm::MomentCount(algorithm) == 2;
    const double moments =
        (two ? 2 : 1) * (static_cast<double>(hlm::StateBytes(states, 1)) + (states == StateType::kInt8 ? 4.0 / 256 : 0));
    const double bytes = 2 * (master == Master::kBf16 ? 2 : 4) + 2 * moments + static_cast<double>(hlm::SizeOf(gradient));
    const hlm::UpdateArrays a = Arrays(master, states, gradient, two);
    const std::string name = hlm::StrCat(hlm::Name(algorithm), ", master ", kMasterNames[static_cast<int>(master)], ", moments ",
                                         hlm::Name(states), ", gradient ", hlm::Name(gradient));
    Report(
        name, n_, bytes,
        [&] {
          hlm::Update(pool_, {.algorithm = algorithm}, {step_++, 1e-4, 0.9, 3}, a);
        },
        [&] { ForTiles([&](int64_t begin, int64_t end) { TouchMaster(master, states, gradient, two, begin, end); }); });
  }

  // Steps without a gradient, in one pass; bytes as of so many updates.
  void Missed(Master master, StateType states, int64_t steps) {
    Fill();
    const hlm::UpdateArrays a = Arrays(master, states, DType::kBF16, true);
    const double moments = 2 * (static_cast<double>(hlm::StateBytes(states, 1)) + (states == StateType::kInt8 ? 4.0 / 256 : 0));
    const double bytes = 2 * (master == Master::kBf16 ? 2 : 4) + 2 * moments + 2;
    Report(hlm::StrCat("  ", steps, " missed steps, master ", kMasterNames[static_cast<int>(master)], ", moments ",
                       hlm::Name(states)),
           n_, bytes * static_cast<double>(steps), [&] {
             std::vector<hlm::UpdateStep> missed;
             for (int64_t s = 0; s < steps; ++s) missed.push_back({step_++, 1e-4, 0.9, 3});
             hlm::UpdateMissed(pool_, {}, missed, nullptr, a);
           });
  }

  void Pipeline(Master master, DType gradient) {
    Fill();
    const hlm::UpdateArrays a = Arrays(master, StateType::kF32, gradient, true);
    Report(hlm::StrCat("  oneDNN pipeline, master ", kMasterNames[static_cast<int>(master)], ", gradient ", hlm::Name(gradient)),
           n_, 24 + static_cast<double>(hlm::SizeOf(gradient)), [&] {
             hlm::AdamW(pool_, {}, {step_++, 1e-4, 0.9}, n_, a.master, first_.data(), second_.data(), a.gradient, gradient, true);
           });
  }

  void Gradients() {
    Fill();
    auto* const sum16 = reinterpret_cast<hlm::bf16_t*>(second_.data());
    const auto plain = [&](auto* sum, auto* gradient) {
      return [=, this] { ForTiles([&](int64_t begin, int64_t end) { Touch(begin, end, gradient, sum); }); };
    };
    uint32_t *const plain32 = plain_[0].data(), *const plain_from32 = plain_gradient_.data();
    auto* const plain_from16 = reinterpret_cast<uint16_t*>(plain_from32);
    for (double* const chunks : {static_cast<double*>(nullptr), norms_.data()}) {
      const std::string with = chunks != nullptr ? ", with norm" : "";
      const auto accumulate = [&](void* sum, DType sum_type, const void* g, DType type, bool add) {
        return [=, this] { hlm::Accumulate(pool_, n_, sum, sum_type, g, type, add, 1, 0, chunks); };
      };
      Report("accumulate bf16 into f32" + with, n_, 10,
             accumulate(first_.data(), DType::kF32, gradient16_.data(), DType::kBF16, true), plain(plain32, plain_from16));
      Report("accumulate f32 into f32" + with, n_, 12,
             accumulate(first_.data(), DType::kF32, gradient_.data(), DType::kF32, true), plain(plain32, plain_from32));
      Report("accumulate bf16 into bf16" + with, n_, 6, accumulate(sum16, DType::kBF16, gradient16_.data(), DType::kBF16, true),
             plain(plain_lo_.data(), plain_from16));
      Report("copy the first bf16 gradient" + with, n_, 4,
             accumulate(sum16, DType::kBF16, gradient16_.data(), DType::kBF16, false));
    }
    Report("squared norms bf16", n_, 2, [&] { hlm::SquaredNorms(pool_, n_, gradient16_.data(), DType::kBF16, norms_.data()); });
    Report("squared norms f32", n_, 4, [&] { hlm::SquaredNorms(pool_, n_, gradient_.data(), DType::kF32, norms_.data()); });
    Report("convert f32 to bf16", n_, 6, [&] { hlm::Convert(pool_, n_, gradient_.data(), DType::kF32, sum16, DType::kBF16); });
    Report("convert bf16 to f32", n_, 6,
           [&] { hlm::Convert(pool_, n_, gradient16_.data(), DType::kBF16, first_.data(), DType::kF32); });
    Report("copy f32", n_, 8, [&] { hlm::Convert(pool_, n_, gradient_.data(), DType::kF32, first_.data(), DType::kF32); });
    Report("split f32 masters", n_, 8, [&] { hlm::SplitMasters(pool_, n_, weight_.data(), sum16, lo_.data()); });
    Report("join f32 masters", n_, 8, [&] { hlm::JoinMasters(pool_, n_, gradient16_.data(), lo_.data(), weight_.data()); });
  }

 private:
  template <class Work>
  void ForTiles(const Work& work) {
    pool_.ParallelFor(hlm::CeilDiv(n_, kTile), [&](int64_t item) { work(item * kTile, std::min(n_, (item + 1) * kTile)); });
  }

  void Fill() {
    ForTiles([&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        gradient_[i] = 1e-3f * static_cast<float>(1 + i % 7);
        gradient16_[i] = hlm::FloatToBf16(gradient_[i]);
        weight_[i] = 0.5f;
        first_[i] = second_[i] = 0;
        lo_[i] = 0;
      }
    });
    std::fill(scales_.begin(), scales_.end(), 0.0f);
    step_ = 1;
  }

  hlm::UpdateArrays Arrays(Master master, StateType states, DType gradient, bool two) {
    hlm::UpdateArrays a;
    a.n = n_;
    if (master == Master::kF32) a.master.weight = weight_.data();
    if (master != Master::kF32) a.master.hi = reinterpret_cast<hlm::bf16_t*>(weight_.data());
    if (master == Master::kSplit) a.master.lo = lo_.data();
    a.states = states;
    a.first = {first_.data(), scales_.data()};
    if (two) a.second = {second_.data(), scales_.data() + scales_.size() / 2};
    a.gradient = gradient == DType::kF32 ? static_cast<const void*>(gradient_.data()) : gradient16_.data();
    a.gradient_type = gradient;
    a.decay = true;
    return a;
  }

  // The plain loop over arrays of the types of one form.
  void TouchMaster(Master master, StateType states, DType gradient, bool two, int64_t begin, int64_t end) {
    void* const w = plain_[0].data();
    if (master == Master::kF32) return TouchStates(states, gradient, two, begin, end, static_cast<uint32_t*>(w));
    if (master == Master::kBf16) return TouchStates(states, gradient, two, begin, end, static_cast<uint16_t*>(w));
    TouchStates(states, gradient, two, begin, end, static_cast<uint16_t*>(w), plain_lo_.data());
  }
  template <class... W>
  void TouchStates(StateType states, DType gradient, bool two, int64_t begin, int64_t end, W*... w) {
    void *const m = plain_[1].data(), *const v = plain_[2].data();
    if (states == StateType::kF32)
      return TouchMoments(gradient, two, begin, end, static_cast<uint32_t*>(m), static_cast<uint32_t*>(v), w...);
    if (states == StateType::kBF16)
      return TouchMoments(gradient, two, begin, end, static_cast<uint16_t*>(m), static_cast<uint16_t*>(v), w...);
    TouchMoments(gradient, two, begin, end, static_cast<uint8_t*>(m), static_cast<uint8_t*>(v), w...);
  }
  template <class M, class... W>
  void TouchMoments(DType gradient, bool two, int64_t begin, int64_t end, M* m, M* v, W*... w) {
    const auto touch = [&](const auto* g) { two ? Touch(begin, end, g, m, v, w...) : Touch(begin, end, g, m, w...); };
    gradient == DType::kF32 ? touch(plain_gradient_.data()) : touch(reinterpret_cast<const uint16_t*>(plain_gradient_.data()));
  }

  int64_t n_;
  hlm::HostPool pool_;
  std::vector<uint32_t> plain_[3];
  std::vector<uint16_t> plain_lo_;
  std::vector<uint32_t> plain_gradient_;
  std::vector<float> weight_, first_, second_, gradient_;
  std::vector<hlm::bf16_t> gradient16_;
  std::vector<uint16_t> lo_;
  std::vector<float> scales_;
  std::vector<double> norms_;
  int64_t step_ = 1;
};

}  // namespace

int main(int argc, char** argv) {
  const int64_t n = argc > 1 ? std::atoll(argv[1]) : int64_t{32} << 20;
  const int threads = argc > 2 ? std::atoi(argv[2]) : static_cast<int>(std::thread::hardware_concurrency());
  if (n < 1 || threads < 1) {
    std::fprintf(stderr, "usage: optim_bench [elements] [threads]\n");
    return 2;
  }
  std::printf("%s, %lld elements, %d threads\n", hlm::OptimizerPath(hlm::UpdatePath::kFused).c_str(), static_cast<long long>(n),
              threads);
  Bench bench(n, threads);
  bench.Update(Algorithm::kAdamW, Master::kSplit, StateType::kF32, DType::kBF16);
  bench.Pipeline(Master::kSplit, DType::kBF16);
  bench.Update(Algorithm::kAdamW, Master::kF32, StateType::kF32, DType::kF32);
  bench.Pipeline(Master::kF32, DType::kF32);
  for (const int64_t steps : {1, 4, 16}) bench.Missed(Master::kSplit, StateType::kF32, steps);
  for (const Algorithm algorithm : {Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion}) {
    for (const Master master : {Master::kSplit, Master::kBf16}) {
      for (const StateType states : {StateType::kF32, StateType::kBF16, StateType::kInt8}) {
        bench.Update(algorithm, master, states, DType::kBF16);
      }
    }
  }
  bench.Gradients();
  return 0;
}
