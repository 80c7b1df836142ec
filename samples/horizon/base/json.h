// JSON whose members keep their order: what is printed and written reads as it was put together.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_JSON_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_JSON_H_

#include <nlohmann/json.hpp>

namespace horizon {

using Json = nlohmann::ordered_json;

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_JSON_H_
