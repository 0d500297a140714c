# The CUDA engine: decides DCGAN_HAS_CUDA and DCGAN_EMULATED.

set(DCGAN_HAS_CUDA false)
set(DCGAN_EMULATED false)
set(DCGAN_CUDA_ARCHITECTURES "")
set(DCGAN_CUDA_REASON "the CUDA engine is not part of this build")
