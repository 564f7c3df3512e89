"""What lies in the folder of results."""

from kdsuite.compress.shipping import deliver


def test_a_folder_holds_no_file_of_an_earlier_student(tmp_path):
    folder, made = tmp_path / "compressed", tmp_path / "made"
    for place in (folder, made):
        place.mkdir()
    for name in ("student.onnx", "student.int8.tflite", "student.keras", "other.onnx"):
        (folder / name).write_text("earlier")
    files = {"keras": made / "student.keras", "litert-int8": made / "student.int8.tflite"}
    for file in files.values():
        file.write_text("new")
    deliver(files, {"onnx": "the format lacks Erfinv", "litert-float32": "the format lacks Erfinv"}, folder)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {
        "student.keras": "new",
        "student.int8.tflite": "new",
        "other.onnx": "earlier",
    }
