// The header alone is a C++11 program: compiled with -std=c++11 -Wall -Wextra -pedantic -Werror -Wold-style-cast.
#include "c_api/horizon_lm.h"

#if __cplusplus != 201103L
#error "this file must be compiled as C++11"
#endif

// A destroy function and an inline function, by address: both have C linkage here too.
extern "C" int hlm_test_header_cxx11() {
  void (*const destroy)(hlm_trainer*) = hlm_trainer_destroy;
  void (*const init)(hlm_plan_options*) = hlm_plan_options_init;
  hlm_plan_options options;
  init(&options);
  destroy(nullptr);
  return options.struct_size == sizeof(options);
}
