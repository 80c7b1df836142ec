// Post-processors of tokenizer.json: special tokens around the ids of one text.
#ifndef HORIZON_LM_CORE_TEXT_TOKENIZER_POST_PROCESSOR_H_
#define HORIZON_LM_CORE_TEXT_TOKENIZER_POST_PROCESSOR_H_

#include <cstdint>
#include <vector>

#include "core/text/tokenizer/component.h"

namespace hlm {

struct PostProcessor {
  // The whole chain comes to this: ids in front and behind.
  std::vector<int32_t> before, after;
  // Offsets leave white space out; with `prefix_space` not one that was put in front of the text.
  bool trim_offsets = false;
  bool prefix_space = true;
};

// Throws UNIMPLEMENTED naming a type that is not known.
PostProcessor MakePostProcessor(const Component& component);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TEXT_TOKENIZER_POST_PROCESSOR_H_
