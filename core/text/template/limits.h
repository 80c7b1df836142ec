// What a template may use up. A template is somebody's input: each limit is an error with its name, never a hang or a crash.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_LIMITS_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace hlm::jinja {

// Of the parser: brackets, blocks and operators inside each other; of values: lists and dicts inside each other.
inline constexpr int kMaxNesting = 100;
inline constexpr int kMaxValueDepth = 200;
inline constexpr size_t kMaxTemplateBytes = size_t{4} << 20;
inline constexpr int64_t kMaxRange = 100'000;  // as Jinja's sandbox

struct Limits {
  int64_t max_output_bytes = int64_t{64} << 20;  // of the output, and of every string on the way
  int64_t max_iterations = 10'000'000;           // turns of loops and calls of macros, in all
  int64_t max_depth = 600;                       // expressions, blocks and macros inside each other while rendering
};

// What one render has used. All strings together, and all that is looked through or compared, may have kWorkFactor times the bytes
// of one; expressions and statements may be kStepFactor times as many as turns of loops. Each limit is reached within seconds.
class Budget {
 public:
  static constexpr int64_t kWorkFactor = 16;
  static constexpr int64_t kStepFactor = 10;

  explicit Budget(const Limits& limits) : limits_(limits) {}

  const Limits& limits() const { return limits_; }
  // Bytes written or looked through.
  void Charge(size_t bytes) {
    work_ += static_cast<int64_t>(bytes);
    if (work_ > limits_.max_output_bytes * kWorkFactor) [[unlikely]]
      FailWork();
  }
  // A string of so many bytes.
  void CheckSize(size_t bytes) const {
    if (bytes > static_cast<size_t>(limits_.max_output_bytes)) [[unlikely]]
      FailSize();
  }
  void Iterate() {
    if (++iterations_ > limits_.max_iterations) [[unlikely]]
      FailIterations();
  }

  // An expression or a statement; `more`: for names that were looked through to find one.
  void Step(size_t more = 0) {
    steps_ += 1 + static_cast<int64_t>(more);
    if (steps_ > limits_.max_iterations * kStepFactor) [[unlikely]]
      FailSteps();
  }

  // The budget of the render that this thread is in: values are compared and hashed far from it, and lists of lists that share
  // their items hold more of them than were ever made.
  class Current {
   public:
    explicit Current(Budget& budget) : outer_(current_) { current_ = &budget; }
    ~Current() { current_ = outer_; }
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;

   private:
    Budget* outer_;
  };
  static void ChargeCurrent(size_t bytes) {
    if (current_ != nullptr) current_->Charge(bytes);
  }

  // One level deeper while it lives.
  class Level {
   public:
    explicit Level(Budget& budget) : budget_(budget) {
      if (++budget_.depth_ > budget_.limits_.max_depth) [[unlikely]]
        budget_.FailDepth();
    }
    ~Level() { --budget_.depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Budget& budget_;
  };

 private:
  [[noreturn]] void FailWork() const;
  [[noreturn]] void FailSize() const;
  [[noreturn]] void FailIterations() const;
  [[noreturn]] void FailSteps() const;
  [[noreturn]] void FailDepth();

  static thread_local Budget* current_;

  Limits limits_;
  int64_t work_ = 0;
  int64_t iterations_ = 0;
  int64_t steps_ = 0;
  int64_t depth_ = 0;
};

}  // namespace hlm::jinja

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_LIMITS_H_
