import SpreaderCommand

@main private enum Main {
    static func main() { SpreaderProgram.main() }
}
