#include <fmt/format.h>

#include <dnnl.hpp>

#include "kernels/vendor/library_versions.h"
#include "runtime/base/build_config.h"
#include "runtime/base/errors.h"

namespace dcgan {
namespace {

std::string isa_name() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41:
      return "sse41";
    case dnnl::cpu_isa::avx:
      return "avx";
    case dnnl::cpu_isa::avx2:
      return "avx2";
    case dnnl::cpu_isa::avx2_vnni:
      return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core:
      return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni:
      return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16:
      return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_amx:
      return "avx512_core_amx";
    default:
      return "generic code";
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> library_versions() {
  const dnnl_version_t* version = dnnl_version();
  return {{"oneDNN", fmt::format("{}.{}.{}, code for {}", version->major, version->minor,
                                 version->patch, isa_name())}};
}

bool cpu_computes_bf16(std::string* why) {
#if defined(__x86_64__)
  const bool able = __builtin_cpu_supports("avx512bf16") != 0;
#else
  const bool able = false;
#endif
  if (!able && why != nullptr) *why = "this processor has neither AVX512-BF16 nor AMX";
  return able;
}

void require_cpu_baseline() {
#if defined(__x86_64__)
  // GCC has names for the levels only from 13 on; these two stand for x86-64-v3.
  if (__builtin_cpu_supports("avx2") == 0 || __builtin_cpu_supports("fma") == 0) {
    fail(ErrorKind::unavailable,
         "processor: this build is for {} (AVX2 and FMA), which this processor has not; configure "
         "with -DDCGAN_CPU_BASELINE=x86-64",
         kBaseline);
  }
#endif
}

}  // namespace dcgan
