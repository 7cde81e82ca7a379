// The same table as in the image for the ESP32-S3.
#include "../esp32s3/vectors.S"
