system store {
    account bob@own.example
}

include "../ways/to-store.dsl"
