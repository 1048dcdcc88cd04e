# Week 46.

contact "Joaquín Núñez" {
    primary   joaquin.nunez@fabrikam.mail.hosted.example
    secondary joaquin.nunez@fabrikam.com, ceo@fabrikam.com
}

contact "Conor O'Neil" {
    primary   conor.o'neil@fabrikam.mail.hosted.example
    secondary conor.o'neil@fabrikam.com, conor.oneil@fabrikam.com
}
