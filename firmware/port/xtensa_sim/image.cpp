// The same spans as in the image for the ESP32-S3: both linker scripts name them alike.
#include "../esp32s3/image.cpp"
