// From files of examples to a store of tokens: read, tokenized by several threads, written in the order of the files.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_BUILD_STORE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_BUILD_STORE_H_

#include <memory>
#include <string>

#include "core/text/dataset/options.h"
#include "core/text/dataset/pipeline.h"
#include "core/text/dataset/token_store.h"

namespace hlm::dataset {

struct BuiltStore {
  std::unique_ptr<const TokenStore> store;
  std::string key;     // of everything the tokens depend on: contents of files, tokenizer, template, options
  std::string folder;  // where it lies; empty: nowhere, it goes with the process
  std::string state;   // "read", "built" or "rebuilt"
  std::string note;    // why it was rebuilt, or is kept nowhere; or what the first bad record was
};

// Finds the store in the cache, or makes it there. A damaged one is made again.
BuiltStore OpenStore(const DatasetOptions& options, const TextPipeline& pipeline);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_BUILD_STORE_H_
