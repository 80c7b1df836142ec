// Where this code lies: libraries that are loaded at run time lie beside it.
#ifndef HORIZON_LM_CORE_BASE_OWN_FOLDER_H_
#define HORIZON_LM_CORE_BASE_OWN_FOLDER_H_

#include <string>

namespace hlm {

// The folder of the file that this code was loaded from, with a slash; empty where the loader does not know.
std::string OwnFolder();

}  // namespace hlm

#endif  // HORIZON_LM_CORE_BASE_OWN_FOLDER_H_
