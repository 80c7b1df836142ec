// That a mask trains what an assistant wrote and nothing else, and which of its words the template did not print.
#ifndef HORIZON_LM_CORE_TEXT_TEMPLATE_PROOF_H_
#define HORIZON_LM_CORE_TEXT_TEMPLATE_PROOF_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/text/template/spans.h"
#include "core/text/template/words.h"

namespace hlm {

// Calls visit(begin, end, run) for each run.
template <class Visit>
void ForEachRun(const jinja::Text& text, const Visit& visit) {
  int64_t begin = 0;
  for (const jinja::Run& run : text.runs()) {
    visit(begin, static_cast<int64_t>(run.end), run);
    begin = run.end;
  }
}

// Of a message that is trained, words that are neither trained nor given by the prompt: characters other than white space.
struct DroppedWords {
  int64_t message;
  jinja::Field field;
  int64_t characters;
};

struct MaskFault {
  int64_t message;  // -1: none
  std::string what;
};

// A rendered text, the ranges of it that are trained (rising, apart), and of each message whether it is trained and up to which
// byte the prompt of inference gives its text.
struct MaskedText {
  const jinja::Text& text;
  const std::vector<Span>& trained;
  const std::vector<bool>& messages;
  const std::vector<int64_t>& prompt_end;
};

// Two promises. Every word of a trained message that was printed is trained, where it was printed once at least (a template may
// say a function's name again before its result), or is the prompt's. Nothing of another message, of tools or documents is
// trained; but a role's name may be part of the token that ends the turn before it.
class MaskProof {
 public:
  // What both refer to outlives it.
  MaskProof(const MaskedText& mask, const std::vector<Words>& words);

  std::optional<MaskFault> Fault() const;
  // What of the words was not printed, by message and field. Not counted is what the template says itself in the same place, as
  // the
  // </think> at which it cuts a content in two, and a function's name that is part of the call's id, where that is printed.
  std::vector<DroppedWords> Dropped() const;

 private:
  // Words, and the bytes that were printed of them.
  struct Piece {
    Span places, bytes;
  };
  bool IsOwn(const jinja::Run& run) const;
  std::vector<Span> Missing(Span places) const;
  bool SaidByTemplate(const Words& words, Span gap) const;
  bool SaidById(const Words& words, Span gap) const;

  const MaskedText mask_;
  const std::vector<Words>& words_;
  std::vector<Piece> by_begin_, by_end_;                    // trained or given
  std::vector<Span> covered_;                               // their places: rising, apart
  std::vector<std::pair<uint32_t, std::string_view>> ids_;  // what is printed of tool calls beside their words, by message
};

// Content, reasoning or tool calls.
bool IsWritten(jinja::Field field);
const char* FieldName(jinja::Field field);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TEMPLATE_PROOF_H_
