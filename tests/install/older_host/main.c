/* A host that was built with an older header (dcgan/dcgan.h here): host PATH SEED OUT. What its
 * structs do not have must read as the default, and nothing behind them be touched. */
#include <dcgan/dcgan.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct guarded_options {
  dcgan_generator_options value;
  unsigned char guard[64];
};
struct guarded_info {
  dcgan_generator_info value;
  unsigned char guard[64];
};
struct guarded_images {
  dcgan_images value;
  unsigned char guard[64];
};

static int intact(const unsigned char* guard) {
  int i;
  for (i = 0; i < 64; ++i) {
    if (guard[i] != 0xa5) return 0;
  }
  return 1;
}

int main(int argc, char** argv) {
  struct guarded_options options;
  struct guarded_info info;
  struct guarded_images to;
  dcgan_generator* generator;
  size_t bytes;
  FILE* file;
  if (argc != 4 || (file = fopen(argv[3], "wb")) == NULL) return 2;
  memset(&options, 0xa5,
         sizeof options); /* a newer library must not read behind the older struct */
  memset(&info, 0xa5, sizeof info);
  memset(&to, 0xa5, sizeof to);
  memset(&options.value, 0, sizeof options.value);
  memset(&to.value, 0, sizeof to.value);
  options.value.struct_size = sizeof options.value;
  info.value.struct_size = sizeof info.value;
  to.value.struct_size = sizeof to.value;
  options.value.device = "cpu";
  if (dcgan_generator_open(argv[1], &options.value, &generator) != DCGAN_OK) return 3;
  if (dcgan_generator_query(generator, &info.value) != DCGAN_OK) return 4;
  to.value.count = 3;
  to.value.type = DCGAN_TYPE_UINT8;
  bytes = (size_t)(to.value.count * info.value.height * info.value.width * info.value.channels);
  to.value.data = malloc(bytes);
  if (dcgan_generator_sample(generator, strtoull(argv[2], NULL, 10), 0, &to.value, NULL) !=
      DCGAN_OK) {
    return 5;
  }
  fwrite(to.value.data, 1, bytes, file);
  fclose(file);
  free(to.value.data);
  if (dcgan_generator_close(&generator) != DCGAN_OK) return 6;
  return intact(options.guard) && intact(info.guard) && intact(to.guard) ? 0 : 7;
}
