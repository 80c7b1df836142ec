// Pictures, sound and films among what a record or a message holds.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_MEDIA_MEMBERS_H_
#define HORIZON_LM_CORE_TEXT_DATASET_MEDIA_MEMBERS_H_

#include <string>
#include <string_view>

#include "core/io/json_value.h"

namespace hlm::dataset {

// Pictures, sound or films, by a column's name.
bool IsMediaName(std::string_view name);
// UNIMPLEMENTED where a member of a record or of a message is called so and holds something, or is what data sets write of a picture
// or of sound, whatever it is called. A number and null are an id or a count.
void RefuseMedia(const JsonValue::Member& member, const std::string& where);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_MEDIA_MEMBERS_H_
