# People with a northwindtraders.com address whose mailbox is not on Exchange.

contact "Mia Hart" {
    primary   mia_hart@notes.tailspintoys.com
    secondary mia.hart@northwindtraders.com, mia.hart@tailspintoys.com
}

contact "Dispatch" {
    primary   dispatch@dock.northwindtraders.com
    secondary dispatch@northwindtraders.com, shipping@northwindtraders.com,
              shipping@tailspintoys.com
}
