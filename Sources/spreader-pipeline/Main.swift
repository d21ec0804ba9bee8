import SpreaderCommand

@main private enum Main {
    static func main() async { await SpreaderProgram.main() }
}
