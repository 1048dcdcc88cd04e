contact "Ann" {
    primary   ann@other.example
    secondary ann@own.example
}
