connector to-store {
    to         store
    smart-host store.own.example
}
