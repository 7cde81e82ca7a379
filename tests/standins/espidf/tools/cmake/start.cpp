// What FreeRTOS does in the end.
extern "C" void app_main();

int main() { app_main(); }
