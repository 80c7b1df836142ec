// Pre-tokenizers of tokenizer.json: where a text is cut before the model sees it. No token crosses a cut.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_PRE_TOKENIZER_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_PRE_TOKENIZER_H_

#include <memory>
#include <vector>

#include "core/text/tokenizer/component.h"
#include "core/text/tokenizer/pieces.h"
#include "core/text/tokenizer/regex.h"

namespace hlm {

class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Cuts, and may change, every piece. With `offsets`, changed texts keep their origins. Pieces that become empty are dropped.
  virtual void Apply(Pieces& pieces, bool offsets, RegexScratch& scratch) const = 0;
};

// The file's pre-tokenizers, sequences unfolded. Where the last of them maps bytes to the byte-level alphabet, that step is left
// to the model (byte_level): the pieces are then the bytes themselves.
struct PreTokenizers {
  std::vector<std::unique_ptr<const PreTokenizer>> steps;
  bool byte_level = false;
  bool needs_origins = false;  // a step asks whether a piece is the beginning of the whole text
};

// Appends the component's steps. Throws UNIMPLEMENTED naming a type that is not known.
PreTokenizers MakePreTokenizers(const Component& component);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_PRE_TOKENIZER_H_
