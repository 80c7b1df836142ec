// What ends the trained turns of a data set: the tokens that a model tuned on it stops with.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_TURN_ENDS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_TURN_ENDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/io/json_writer.h"
#include "core/text/dataset/pipeline.h"
#include "core/text/dataset/token_store.h"

namespace hlm::dataset {

struct TurnEnd {
  int32_t id = 0;
  int64_t last = 0;    // turns that it ends and that end their document
  int64_t inner = 0;   // other turns that it ends
  int64_t inside = 0;  // times that it stands inside a turn: whoever stops there cuts turns off
};

struct TurnEnds {
  int64_t documents = 0, turns = 0;  // that were looked at
  int64_t without_stop = 0;          // turns that no added token ends
  std::vector<TurnEnd> ends;         // the most frequent first
};

// A turn is a run of trained tokens; white space behind its last added token does not count. Of large sets some ten thousand
// documents are looked at, evenly spread.
TurnEnds FindTurnEnds(const TokenStore& store, const TextPipeline::KindOfToken& kind);

// "turns": {"documents", "turns", "without_stop", "ends": [{"id", "token", "last", "inner", "inside"}], "stop_ids",
// "inner_stop_ids"}
void WriteTurnEnds(const TurnEnds& ends, const TextPipeline& pipeline, JsonWriter& json);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_TURN_ENDS_H_
