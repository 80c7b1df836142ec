// Text models inside something larger: folders of ...ForConditionalGeneration classes, whose other parts (towers for pictures or sound)
// are carried through.
#ifndef HORIZON_LM_CORE_MODEL_WRAPPERS_H_
#define HORIZON_LM_CORE_MODEL_WRAPPERS_H_

#include <utility>
#include <vector>

#include "core/model/config_values.h"
#include "core/model/names.h"

namespace hlm {

struct Wrapper {
  const char* architecture;
  const char* model_type;
  const char* text_type;  // model_type of its text model, where the file does not say
  bool tied;              // where the file does not say
  // Prefixes of the text model's tensors with the names of their heads: as transformers writes them, then others.
  std::vector<std::pair<const char*, const char*>> prefixes;
  std::vector<const char*> towers;  // what the names of other parts' tensors begin with
  bool tied_inside = false;         // text_config's word on tying counts as well: either says so
  bool flat = false;                // files of the hub have the text model's keys beside vision_config, without a text_config
  bool tied_by_text = false;        // text_config's word alone counts (Llama 4's whole holds a text model with its own head)
  const char* unsaid = "{}";  // what this class assumes of its text where the file is silent, and the text's own class does not
};

// The one that the model_type of config.json names; null where it names none, and where there is no text model in it.
const Wrapper* WrapperOf(const ConfigValues& config);

// The configuration of its text model, complete: with the model_type and the tying that count, and with the sizes that the text
// model's configuration class assumes where the file leaves them out, as releases of transformers before 5 did within other
// configurations (all of Gemma 3's folders lack some).
JsonValue TextConfig(const ConfigValues& whole, const Wrapper& wrapper);

// Prefixes, heads and towers.
void NameWrapped(const Wrapper& wrapper, bool tied, ModelNames& names);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_WRAPPERS_H_
