// A tokenizer and chat templates as what core/text/dataset needs of them.
#ifndef HORIZON_LM_C_API_DATASET_PIPELINE_H_
#define HORIZON_LM_C_API_DATASET_PIPELINE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "core/text/dataset/pipeline.h"
#include "core/text/template/chat_template.h"
#include "core/text/template/conversation.h"
#include "core/text/tokenizer/tokenizer.h"

namespace hlm::capi {

struct PipelineConfig {
  std::string dataset_json;                    // the keys that core/text/dataset reads
  std::shared_ptr<const Tokenizer> tokenizer;  // may be null
  std::shared_ptr<const ChatTemplate> chat;    // may be null
  bool safe_content = false;
  bool append_eos = true;
  int64_t vocab_size = 0;  // 0: the tokenizer's
  TrainingOptions render;
  ArgumentRules arguments{.parse = true, .drop_null = true};
  std::string render_key;  // of the options in `render` and `arguments`
};

// Takes the keys of the tokenizer and the template out of a data set's configuration, and opens those of "model".
PipelineConfig SplitDatasetConfig(const std::string& config_json);

dataset::TextPipeline MakePipeline(const PipelineConfig& config);

}  // namespace hlm::capi

#endif  // HORIZON_LM_C_API_DATASET_PIPELINE_H_
