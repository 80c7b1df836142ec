#!/usr/bin/env python3
"""Writes fp8_goldens.h: floats and their codes in PyTorch's float8_e4m3fn, cut off at its largest number as transformers does.

make_fp8_goldens.py > fp8_goldens.h
"""

import torch

EXTRA = [0.0, 2.0**-149, 2.0**-11, 2.0**-10, 3 * 2.0**-11, 447.9, 448.0, 463.9, 464.0, 464.1, 1e6, 3e38]


def values() -> torch.Tensor:
    """Every number, the middles between neighbours, and the floats beside them, of both signs."""
    numbers = torch.arange(0, 127, dtype=torch.uint8).view(torch.float8_e4m3fn).to(torch.float32)
    middles = (numbers[:-1] + numbers[1:]) / 2
    up, down = torch.tensor(float("inf")), torch.tensor(0.0)
    beside = [torch.nextafter(middles, up), torch.nextafter(middles, down)]
    every = torch.cat([torch.tensor(EXTRA), numbers, middles, *beside])
    return torch.cat([every, -every])


def main() -> None:
    """The header's text."""
    given = values()
    codes = given.clamp(-448, 448).to(torch.float8_e4m3fn).view(torch.uint8).tolist()
    bits = [b & 0xFFFFFFFF for b in given.view(torch.int32).tolist()]
    print(f"// Made by make_fp8_goldens.py with PyTorch {torch.__version__.split('+')[0]}.")
    print("#ifndef HORIZON_LM_TESTS_MODEL_FP8_GOLDENS_H_\n#define HORIZON_LM_TESTS_MODEL_FP8_GOLDENS_H_\n\n#include <cstdint>\n\nnamespace hlm {\n")
    print("// A float's bits and its code.\nstruct Fp8Golden {\n  uint32_t bits;\n  uint8_t code;\n};\n\ninline constexpr Fp8Golden kFp8Goldens[] = {")
    pairs = [f"{{0x{b:08x}, {c}}}," for b, c in zip(bits, codes)]
    for i in range(0, len(pairs), 6):
        print("    " + " ".join(pairs[i : i + 6]))
    print("};\n\n}  // namespace hlm\n\n#endif  // HORIZON_LM_TESTS_MODEL_FP8_GOLDENS_H_")


if __name__ == "__main__":
    main()
