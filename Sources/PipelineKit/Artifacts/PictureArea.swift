/// A part of a picture, in stored pixels, from the top left corner.
public struct PictureArea: Sendable, Hashable, Codable, CustomStringConvertible {
    /// Pixels to its left.
    public var x: Int
    /// Pixels above it.
    public var y: Int
    /// Its width.
    public var width: Int
    /// Its height.
    public var height: Int

    /// A part of a picture.
    public init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    /// `width×height+x+y`.
    public var description: String { "\(width)×\(height)+\(x)+\(y)" }
}
