// What saving a folder and checking whether it could be saved have in common.
#ifndef HORIZON_LM_CORE_MODEL_SAVE_PARTS_H_
#define HORIZON_LM_CORE_MODEL_SAVE_PARTS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/model/file_tensor.h"
#include "core/model/model.h"

namespace hlm {

using ShardTensors = std::vector<FileTensor>;

// In the model's order; a tensor larger than the limit has a shard of its own, and codes and scales are never apart.
std::vector<ShardTensors> MakeShards(const Model& model, const SaveOptions& options);

// Whether weights are packed as the source has them. UNIMPLEMENTED where that is asked for and nothing writes it.
bool Repacks(const Model& model, const SaveOptions& options);

void CheckShardBytes(int64_t max_shard_bytes);

// INVALID_ARGUMENT where `target` lies inside the source folder or holds it.
void CheckApart(const std::string& source, const std::string& target);

// Of StagedFolder: what may be overwritten when the model is saved.
std::function<void(const std::string& target)> ReplaceableBy(const Model& model);

}  // namespace hlm

#endif  // HORIZON_LM_CORE_MODEL_SAVE_PARTS_H_
