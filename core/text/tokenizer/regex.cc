#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/tokenizer/regex.h"

#include <pcre2.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/pattern_syntax.h"

namespace hlm {
namespace {

constexpr size_t kLongestPattern = 64 << 10;
// PCRE2 counts the steps of each start of a match by itself and does not tell how many there were. So starts are tried many at once
// with few steps each: more than these no text takes unnoticed. Where one needs more, each is tried alone, with rising numbers of
// steps that are counted.
constexpr size_t kStarts = 4096;
// Starts times bytes that each may run over: what one call may do before the clock is looked at.
constexpr size_t kStartBytes = size_t{1} << 29;
constexpr uint32_t kFewSteps = 1024;
constexpr double kSeconds = 10, kSecondsAByte = 1e-6;
constexpr uint32_t kHeapLimit = 64 << 10;  // KiB
constexpr size_t kJitStack = 32 << 10, kLargestJitStack = 8 << 20;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace

struct RegexScratch::Memory {
  std::unique_ptr<pcre2_match_data, Freer<pcre2_match_data_free>> data{pcre2_match_data_create(1, nullptr)};
  const size_t* ends = data == nullptr ? nullptr : pcre2_get_ovector_pointer(data.get());  // of the last match
  std::unique_ptr<pcre2_match_context, Freer<pcre2_match_context_free>> context{pcre2_match_context_create(nullptr)};
  std::unique_ptr<pcre2_jit_stack, Freer<pcre2_jit_stack_free>> stack{
      pcre2_jit_stack_create(kJitStack, kLargestJitStack, nullptr)};

  // What runs over single characters (a+, .*) PCRE2 does not count as steps: seconds of this thread's processor bound it.
  void Look(const std::string& pattern, size_t bytes, bool now);
  uint32_t calls = 0;  // on the text that is searched now
  std::chrono::steady_clock::time_point looked{};
  double began = 0;  // the thread's processor time, in seconds
};

void RegexScratch::Memory::Look(const std::string& pattern, size_t bytes, bool now) {
  constexpr uint32_t kCalls = 16;
  if (!now && ++calls % kCalls != 0) return;
  const auto time = std::chrono::steady_clock::now();
  const auto own = [] {
    timespec used{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
  };
  if (calls <= kCalls) {
    calls = kCalls + 1;
    looked = time;
    began = own();
  } else if (time - looked > std::chrono::milliseconds(200)) {
    looked = time;
    const double most = kSeconds + kSecondsAByte * static_cast<double>(bytes);
    if (own() - began > most) {
      throw InvalidArgument("the pattern \"", Printable(pattern), "\" takes longer than the limit of ", most, " seconds (",
                            kSeconds, " and a microsecond for each byte)");
    }
  }
}

RegexScratch::RegexScratch() : memory_(std::make_unique<Memory>()) {
  if (memory_->data == nullptr || memory_->context == nullptr || memory_->stack == nullptr) throw std::bad_alloc();
  pcre2_set_heap_limit(memory_->context.get(), kHeapLimit);
  pcre2_jit_stack_assign(memory_->context.get(), nullptr, memory_->stack.get());
}
RegexScratch::~RegexScratch() = default;

struct Regex::Code {
  std::unique_ptr<pcre2_code, Freer<pcre2_code_free>> code;
  bool jit = false;
};

Regex::Regex(const std::string& pattern) : pattern_(pattern) {
  if (pattern.size() > kLongestPattern) {
    throw InvalidArgument("a pattern of ", pattern.size(), " bytes; the limit is ", kLongestPattern);
  }
  std::string translated;
  try {
    translated = PcrePattern(pattern);
  } catch (const Error& error) {
    throw Error(error.code(), StrCat("the pattern \"", Printable(pattern), "\": ", error.message()));
  }
  Compile(translated);
}

Regex Regex::Literal(std::string_view text) {
  if (text.size() > kLongestPattern)
    throw InvalidArgument("a pattern of ", text.size(), " bytes; the limit is ", kLongestPattern);
  Regex regex;
  regex.pattern_ = text;
  regex.Compile(EscapePattern(text));
  return regex;
}

Regex::~Regex() = default;
Regex::Regex(Regex&& other) noexcept = default;
Regex& Regex::operator=(Regex&& other) noexcept = default;

void Regex::Compile(const std::string& translated) {
  std::unique_ptr<pcre2_compile_context, Freer<pcre2_compile_context_free>> context(pcre2_compile_context_create(nullptr));
  if (context == nullptr) throw std::bad_alloc();
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
  pcre2_set_parens_nest_limit(context.get(), 200);
  int error = 0;
  size_t at = 0;
  code_ = std::make_unique<Code>();
  code_->code.reset(pcre2_compile(
      reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
      PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | PCRE2_NO_UTF_CHECK | PCRE2_USE_OFFSET_LIMIT, &error,
      &at, context.get()));
  if (code_->code == nullptr) {
    if (error == PCRE2_ERROR_NOMEMORY || error == PCRE2_ERROR_HEAPLIMIT) throw std::bad_alloc();
    char text[200] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR*>(text), sizeof(text));
    throw InvalidArgument("the pattern \"", Printable(pattern_), "\": ", text);
  }
  code_->jit = pcre2_jit_compile(code_->code.get(), PCRE2_JIT_COMPLETE) == 0;
}

int Regex::Try(std::string_view text, size_t from, size_t last, uint32_t steps, RegexScratch& scratch) const {
  RegexScratch::Memory& memory = *scratch.memory_;
  pcre2_set_match_limit(memory.context.get(), steps);
  pcre2_set_offset_limit(memory.context.get(), last);
  const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data() != nullptr ? text.data() : "");
  const auto run = code_->jit ? pcre2_jit_match : pcre2_match;
  int result = run(code_->code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK, memory.data.get(), memory.context.get());
  if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
    // The interpreter keeps its stack on the heap.
    result = pcre2_match(code_->code.get(), subject, text.size(), from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, memory.data.get(),
                         memory.context.get());
  }
  if (result == PCRE2_ERROR_NOMEMORY) throw std::bad_alloc();
  return result;
}

// Each start of [from, last] alone. `found`: one of them matches.
void Regex::FindMetered(std::string_view text, size_t from, size_t last, RegexScratch& scratch, bool& found) const {
  for (size_t at = from; at <= last;) {
    for (int64_t steps = kFewSteps;; steps *= 8) {
      scratch.left_ -= steps;
      const bool may = scratch.left_ >= 0 && steps <= scratch.allowed_ && steps <= UINT32_MAX;
      const int result = may ? Try(text, at, at, static_cast<uint32_t>(steps), scratch) : PCRE2_ERROR_MATCHLIMIT;
      scratch.memory_->Look(pattern_, text.size(), false);
      if (result >= 0) {
        found = true;
        return;
      }
      if (result == PCRE2_ERROR_NOMATCH) break;
      if (!may || result != PCRE2_ERROR_MATCHLIMIT) {
        throw InvalidArgument("the pattern \"", Printable(pattern_), "\" takes more steps than the limit of ", scratch.allowed_,
                              " (", RegexScratch::kSteps, " and ", RegexScratch::kStepsAByte, " for each byte) at byte ", at,
                              " of ", text.size());
      }
    }
    at += at < text.size() ? Utf8Length(text[at]) : 1;
  }
}

bool Regex::Find(std::string_view text, size_t from, RegexScratch& scratch, Match& match) const {
  if (from == 0) scratch.memory_->calls = 0;  // another text
  while (from <= text.size()) {
    const size_t starts = std::clamp<size_t>(kStartBytes / (text.size() - from + 1), 1, kStarts);
    size_t last = from + std::min(starts, text.size() - from);
    while (last < text.size() && IsContinuation(text[last])) --last;
    const int result = Try(text, from, last, kFewSteps, scratch);
    bool found = result >= 0;
    if (!found && result != PCRE2_ERROR_NOMATCH) FindMetered(text, from, last, scratch, found);
    scratch.memory_->Look(pattern_, text.size(), !found);
    if (found) {
      match = {scratch.memory_->ends[0], scratch.memory_->ends[1]};
      return true;
    }
    from = last < text.size() ? last + Utf8Length(text[last]) : last + 1;
  }
  return false;
}

}  // namespace hlm
