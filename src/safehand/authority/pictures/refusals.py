"""Why an upload is not taken in at all; what is wrong with a picture that was taken in is a finding, not a refusal."""

from safehand.kernel.outcome import define

EMPTY = define(
    code="picture.empty",
    en="The file is empty.",
    zh="文件为空。",
    way_out_en="Choose the picture again; wait until the phone has stored it.",
    way_out_zh="请待手机保存完成后重新选择图片。",
    owner="pictures",
    status=422,
)
TOO_MANY_BYTES = define(
    code="picture.too_many_bytes",
    en="The file is larger than {megabytes_max} MB.",
    zh="文件超过{megabytes_max} MB。",
    way_out_en="Send the picture itself as JPEG, or take it anew at a lower setting.",
    way_out_zh="请以JPEG格式发送原图，或调低分辨率后重新拍摄。",
    owner="pictures",
    status=413,
)
NOT_A_PICTURE = define(
    code="picture.not_a_picture",
    en="This is {found}, whatever the file's name says; only JPEG, PNG and WebP pictures are read.",
    zh="该文件实际为{found}（与文件名无关）；仅接受JPEG、PNG和WebP图片。",
    way_out_en="Send a photo from the camera, or save the picture as JPEG first.",
    way_out_zh="请发送相机拍摄的照片，或先将图片另存为JPEG。",
    owner="pictures",
    status=415,
)
HEIC = define(
    code="picture.heic",
    en="This is a HEIC or AVIF picture; only JPEG, PNG and WebP are read.",
    zh="该图片为HEIC或AVIF格式；仅接受JPEG、PNG和WebP图片。",
    way_out_en="On an iPhone: Settings, Camera, Formats, Most Compatible; then take it anew. Or share the picture as JPEG.",
    way_out_zh="苹果手机请在“设置—相机—格式”中选择“兼容性最佳”后重新拍摄，或将图片导出为JPEG后发送。",
    owner="pictures",
    status=415,
)
TOO_MANY_PIXELS = define(
    code="picture.too_many_pixels",
    en="The picture says it has {width} × {height} pixels; at most {millions_max} million are read.",
    zh="图片标称{width}×{height}像素；最多读取{millions_max}百万像素。",
    way_out_en="Take it anew at a lower resolution, or scale it down first.",
    way_out_zh="请降低分辨率重新拍摄，或先缩小图片。",
    owner="pictures",
    status=422,
)
TOO_SMALL = define(
    code="picture.too_small",
    en="The picture has only {width} × {height} pixels; each side needs at least {side_min}.",
    zh="图片仅{width}×{height}像素；每边至少{side_min}像素。",
    way_out_en="Take it anew with the camera; don't send a thumbnail or a screen shot of one.",
    way_out_zh="请用相机重新拍摄，不要发送缩略图或其截图。",
    owner="pictures",
    status=422,
)
MOVING = define(
    code="picture.moving",
    en="The file holds {frames} pictures; one is wanted.",
    zh="文件含有{frames}帧图像；只需一帧。",
    way_out_en="Send one still picture, as JPEG.",
    way_out_zh="请发送一张静态JPEG图片。",
    owner="pictures",
    status=422,
)
BROKEN = define(
    code="picture.broken",
    en="The picture can't be read to its end: the file is damaged or incomplete.",
    zh="图片无法完整读取：文件损坏或不完整。",
    way_out_en="Send it again on a steady connection, or take it anew.",
    way_out_zh="请在网络稳定时重新发送，或重新拍摄。",
    owner="pictures",
    status=422,
)
TOO_MUCH_WORK = define(
    code="picture.too_much_work",
    en="The picture took more time or memory than a picture may; it was given up after at most {seconds_max} s.",
    zh="处理该图片所需时间或内存超过限制，最长{seconds_max}秒后已放弃。",
    way_out_en="Save it as an ordinary JPEG and send that, or take it anew.",
    way_out_zh="请另存为普通JPEG后发送，或重新拍摄。",
    owner="pictures",
    status=422,
)
BUSY = define(
    code="picture.busy",
    en="{waiting} pictures are waiting to be checked already.",
    zh="已有{waiting}张图片等待检查。",
    way_out_en="Nothing is lost; send it again in a minute.",
    way_out_zh="已填写内容不会丢失；请一分钟后重新发送。",
    owner="pictures",
    status=429,
)
UNKNOWN_KIND = define(
    code="picture.unknown_kind",
    en="There is no such kind of picture.",
    zh="没有这种图片类别。",
    way_out_en="Send one of: {kinds}.",
    way_out_zh="请发送以下类别之一：{kinds}。",
    owner="pictures",
    status=422,
)
NO_RULES = define(
    code="picture.no_rules",
    en="No photo rules of that name hold on {day}.",
    zh="{day}没有该名称的照片规则有效。",
    way_out_en="Use one of: {rule_sets}; look at the day from which each holds.",
    way_out_zh="请使用以下规则之一：{rule_sets}，并核对其生效日期。",
    owner="pictures",
    status=422,
)
MENDED_BY_NOTHING = define(
    code="picture.mended_by_nothing",
    en="Crop, rotation and scaling don't make this picture fit.",
    zh="仅靠裁剪、旋转和缩放不能使该图片符合要求。",
    way_out_en="Mend what the findings name; most often that means to take it anew.",
    way_out_zh="请按检查结果逐项改正，通常需要重新拍摄。",
    owner="pictures",
    status=422,
)
